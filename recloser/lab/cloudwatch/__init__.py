"""A twin of CloudWatch's metrics and alarms: pure, without a clock, deciding as the real one does.

Start with `CloudWatch` (a region that advances in time), or with `metric_alarm`, `read_datapoints` and
`decide` for a single decision. All times are epoch milliseconds.
"""

from recloser.lab.cloudwatch.alarm_store import NoContributorsError, NoSuchAlarmError
from recloser.lab.cloudwatch.alarms import InvalidAlarmError, MetricAlarm, State
from recloser.lab.cloudwatch.composite import CompositeAlarm, composite_alarm
from recloser.lab.cloudwatch.definitions import metric_alarm
from recloser.lab.cloudwatch.emf import Extraction, extract
from recloser.lab.cloudwatch.evaluate import WindowRules, decide, evaluation_window, read_datapoints
from recloser.lab.cloudwatch.events import Event
from recloser.lab.cloudwatch.metric_data import InvalidQueryError
from recloser.lab.cloudwatch.metrics import Metric, MetricStore, Sample, StatisticSet
from recloser.lab.cloudwatch.reasons import explain
from recloser.lab.cloudwatch.region import CloudWatch
from recloser.lab.cloudwatch.schedule import phase_ms
from recloser.lab.cloudwatch.states import AlarmState, Place

__all__ = [
    "AlarmState",
    "CloudWatch",
    "CompositeAlarm",
    "Event",
    "Extraction",
    "InvalidAlarmError",
    "InvalidQueryError",
    "Metric",
    "MetricAlarm",
    "MetricStore",
    "NoContributorsError",
    "NoSuchAlarmError",
    "Place",
    "Sample",
    "State",
    "StatisticSet",
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
