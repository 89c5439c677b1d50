"""A twin of CloudWatch's metrics and alarms: pure, without a clock, deciding as the real one does.

Start with `CloudWatch` (a region that advances in time), or with `metric_alarm`, `read_datapoints` and `decide`
for a single decision. All times are epoch milliseconds.
"""

from recloser.lab.cloudwatch.alarms import InvalidAlarm, MetricAlarm, State, metric_alarm
from recloser.lab.cloudwatch.composite import CompositeAlarm, composite_alarm
from recloser.lab.cloudwatch.emf import Extraction, extract
from recloser.lab.cloudwatch.evaluate import WindowRules, decide, evaluation_window, read_datapoints
from recloser.lab.cloudwatch.events import AlarmState, Event, Place
from recloser.lab.cloudwatch.metrics import Metric, MetricStore, Sample
from recloser.lab.cloudwatch.reasons import explain
from recloser.lab.cloudwatch.region import CloudWatch, NoSuchAlarm, phase_ms

__all__ = [
    "AlarmState",
    "CloudWatch",
    "CompositeAlarm",
    "Event",
    "Extraction",
    "InvalidAlarm",
    "Metric",
    "MetricAlarm",
    "MetricStore",
    "NoSuchAlarm",
    "Place",
    "Sample",
    "State",
    "WindowRules",
    "composite_alarm",
    "decide",
    "evaluation_window",
    "explain",
    "extract",
    "metric_alarm",
    "phase_ms",
    "read_datapoints",
]
