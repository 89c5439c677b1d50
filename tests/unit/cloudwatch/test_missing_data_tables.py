"""AWS's tables of how missing data is treated, row by row, in all four modes.

Source: "Configuring how CloudWatch alarms treat missing data"; newest period right, N = 3, five periods read.
"""

from __future__ import annotations

import pytest
from alarm_twin import SIGNAL, at, scalar_alarm, states_of, with_state

from recloser.lab.cloudwatch import CloudWatch, State, decide, metric_alarm
from recloser.lab.cloudwatch.evaluate import Datapoints, Window

OK, ALARM, INSUFFICIENT, KEEP = State.OK, State.ALARM, State.INSUFFICIENT_DATA, None
MODES = ("missing", "ignore", "breaching", "notBreaching")
POINTS = {"0": 0.0, "X": 100.0, "-": None}

ROWS = [
    (3, "0 - X - X", OK, OK, OK, OK),
    (3, "0 - - - -", OK, OK, OK, OK),
    (3, "- - - - -", INSUFFICIENT, KEEP, ALARM, OK),
    (3, "0 X X - X", ALARM, ALARM, ALARM, ALARM),
    (3, "- - X - -", ALARM, KEEP, ALARM, OK),
    (2, "0 - X - X", ALARM, ALARM, ALARM, ALARM),
    (2, "0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
    (2, "0 - X - -", OK, OK, ALARM, OK),
    (2, "- - - - 0", OK, OK, ALARM, OK),
    (2, "- - - X -", ALARM, KEEP, ALARM, OK),
]
CELLS = [
    pytest.param(needed, row, mode, cell, id=f"M={needed} {row} {mode}")
    for needed, row, *cells in ROWS
    for mode, cell in zip(MODES, cells, strict=True)
]


@pytest.mark.parametrize(("needed", "row", "mode", "expected"), CELLS)
def test_the_decision(needed: int, row: str, mode: str, expected: State | None) -> None:
    """Every cell of AWS's tables is what the twin decides."""
    alarm = metric_alarm(scalar_alarm(Period=60, DatapointsToAlarm=needed, TreatMissingData=mode))
    datapoints = Datapoints(Window(0, 300_000, 60_000, 5), [POINTS[mark] for mark in row.split()])
    assert decide(alarm, datapoints).state is expected


@pytest.mark.parametrize("prior", [OK, ALARM, INSUFFICIENT])
@pytest.mark.parametrize(("needed", "row", "mode", "expected"), CELLS)
def test_a_region(needed: int, row: str, mode: str, expected: State | None, prior: State) -> None:
    """Published a minute apart and evaluated once, a row gives its state, whatever it was before."""
    region = CloudWatch(phases_ms={"signal": 30_000})
    region.put_metric_alarm(
        scalar_alarm(Period=60, DatapointsToAlarm=needed, TreatMissingData=mode), at("10:04:40")
    )
    with_state(region, "signal", prior, at("10:04:41"))
    for minute, mark in enumerate(row.split()):
        if POINTS[mark] is not None:
            region.metrics.add(SIGNAL, at(f"10:0{minute}:20"), POINTS[mark] or 0.0)
    events = region.advance(at("10:05:30"))
    after = prior if expected is KEEP else expected
    assert region.state("signal").value is after
    assert states_of(events) == ([] if after is prior else [("10:05:30.000", after)])


@pytest.mark.parametrize(
    ("window", "needed", "expected"),
    [
        # Two breaches, none of three needed: the alarm rises once the older one is three periods old.
        ([None, None, None, 1.0, 1.0], 3, "INSUFFICIENT_DATA"),
        ([None, None, 1.0, 1.0, None], 3, "ALARM"),
        ([None, 1.0, None, None, 1.0], 3, "ALARM"),
        # The younger one alone would not do it.
        ([None, None, None, None, 1.0], 2, "INSUFFICIENT_DATA"),
        ([None, None, None, 1.0, None], 2, "ALARM"),
        # A good datapoint anywhere in the window switches the rule off.
        ([0.0, None, 1.0, None, None], 3, "OK"),
        ([1.0, None, 0.0, None, 1.0], 3, "OK"),
    ],
)
def test_breaches_that_are_old_enough(window: list[float | None], needed: int, expected: str) -> None:
    """Under `missing` fewer breaches than needed raise the alarm when the oldest is as many periods old."""
    alarm = metric_alarm(scalar_alarm(Period=60, DatapointsToAlarm=needed, Threshold=0.5))
    at_ms = Window(0, len(window) * 60_000, 60_000, len(window))
    assert decide(alarm, Datapoints(at_ms, window)).state == expected
