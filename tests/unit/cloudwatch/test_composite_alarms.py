"""Composite alarms: their rules, as AWS answered them, and what follows from their children.

Source: "Combining alarms" in the CloudWatch user guide, and captured answers of PutCompositeAlarm.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from alarm_twin import at, scalar_alarm, states_of
from hypothesis import given
from hypothesis import strategies as st

from recloser.lab.cloudwatch import CloudWatch, InvalidAlarmError, State, composite_alarm
from recloser.lab.cloudwatch.rules import RuleError, parse_rule

NOW = at("10:00:00")
STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}"


def region_with(states: dict[str, str]) -> CloudWatch:
    region = CloudWatch()
    for name, state in states.items():
        region.put_metric_alarm(scalar_alarm(AlarmName=name, TreatMissingData="ignore"), NOW)
        region.set_alarm_state(name, state, "by hand", None, NOW + 100)
    return region


def composite(rule: str, **changes: Any) -> dict[str, Any]:
    return {"AlarmName": "all", "AlarmRule": rule, **changes}


def triggering(event: dict[str, Any]) -> list[str]:
    data = json.loads(event["detail"]["state"]["reasonData"])
    return [alarm["arn"].rsplit(":", 1)[-1] for alarm in data["triggeringAlarms"]]


@pytest.mark.parametrize(
    ("rule", "expected", "causes"),
    [
        ("TRUE", "ALARM", []),
        ("FALSE", "OK", []),
        ("NOT TRUE", "OK", []),
        ("NOT NOT FALSE", "OK", []),
        ("TRUE OR FALSE AND FALSE", "ALARM", []),
        ("(TRUE OR FALSE) AND FALSE", "OK", []),
        ("ALARM(a)", "ALARM", ["a"]),
        ("ALARM ( a )", "ALARM", ["a"]),
        ('ALARM("a")', "ALARM", ["a"]),
        (f"ALARM({arn('a')})", "ALARM", ["a"]),
        ("OK(b) AND INSUFFICIENT_DATA(c)", "ALARM", ["b", "c"]),
        ("ALARM(a) OR ALARM(b)", "ALARM", ["a"]),
        ("ALARM(b) AND ALARM(a)", "OK", ["b"]),
        ("NOT (ALARM(b) OR ALARM(c))", "ALARM", ["b", "c"]),
        ("AT_LEAST(1, ALARM, (a, b))", "ALARM", ["a"]),
        ("AT_LEAST(2, ALARM, (a, b))", "OK", ["b"]),
        ("AT_LEAST(2, NOT ALARM, (a, b, c))", "ALARM", ["b", "c"]),
        ("AT_LEAST(50%, ALARM, (a, b))", "ALARM", ["a"]),
        # Captured: an alarm that is named twice counts twice, and two of three are less than 67 %.
        ('AT_LEAST(2, ALARM, ("a","a","b"))', "ALARM", ["a"]),
        ('AT_LEAST(67%, ALARM, ("a","a","b"))', "OK", ["b"]),
    ],
)
def test_rules(rule: str, expected: str, causes: list[str]) -> None:
    """A composite is in ALARM while its rule holds, else OK; it names the alarms that make it so."""
    events = region_with(STATES).put_composite_alarm(composite(rule), NOW + 200)
    created, changed = events
    assert created["detail"]["operation"] == "create"
    state = changed["detail"]["state"]
    assert state["value"] == expected
    assert state["reason"] == f"{arn('all')} was created and its alarm rule evaluates to {expected}"
    assert triggering(changed) == causes


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("true", "'true' at character 0"),
        ("not TRUE", "'not' at character 0"),
        ("TRUE and FALSE", "'and' at character 5"),
        ("TRUE && FALSE", "'&&' at character 5"),
        ("!TRUE", "'!TRUE' at character 0"),
        ("TRUE FALSE", "'FALSE' at character 5"),
        ("TRUE junk", "'junk' at character 5"),
        ("UNKNOWN(a)", "'UNKNOWN(a)' at character 0"),
        ("alarm(a)", "'alarm(a)' at character 0"),
        ("ALARM(an alarm)", "'alarm)' at character 9"),
        ("ALARM(a", "ends too early"),
        ("AT_LEAST(0, ALARM, (a, b))", "between 1 and the number of alarms (2), not 0"),
        ("AT_LEAST(3, ALARM, (a, b))", "between 1 and the number of alarms (2), not 3"),
        ("AT_LEAST(0%, ALARM, (a, b))", "between 1 and 100, not 0%"),
        ("AT_LEAST(101%, ALARM, (a, b))", "between 1 and 100, not 101%"),
        ("AT_LEAST(-1, ALARM, (a, b))", "'-1,' at character 9"),
        ("AT_LEAST(1.5, ALARM, (a, b))", "at character 10"),
        ("AT_LEAST(50.5%, ALARM, (a, b))", "at character 11"),
        ("AT_LEAST(1, BOGUS, (a, b))", "'BOGUS,' at character 12"),
        ("AT_LEAST(1, ALARM, ())", "at character 20"),
        ("", "AlarmRule must be a text"),
        ("ALARM(all)", "refers to the alarm itself"),
        ("ALARM(nobody)", "refers to alarms that do not exist: nobody"),
        ("ALARM('a')", "refers to alarms that do not exist: 'a'"),
        ('ALARM("a)b")', "refers to alarms that do not exist: a)b"),
        ('ALARM("a\\"b")', 'refers to alarms that do not exist: a"b'),
    ],
)
def test_refused_rules(rule: str, why: str) -> None:
    """What PutCompositeAlarm refused on AWS is refused, and the position is told."""
    with pytest.raises(InvalidAlarmError) as refusal:
        region_with(STATES).put_composite_alarm(composite(rule), NOW + 200)
    assert why in str(refusal.value)


def test_limits() -> None:
    """At most 10,240 characters, 100 alarms and 500 elements."""
    for rule, why in (
        ("ALARM(a) OR " * 900 + "TRUE", "at most 10240 characters"),
        (" OR ".join(f"OK(a{number})" for number in range(101)), "at most 100 alarms, not 101"),
        (" OR ".join(["OK(a)"] * 200), "at most 500 elements, not 599"),
    ):
        with pytest.raises(InvalidAlarmError, match=why):
            composite_alarm(composite(rule))
    with pytest.raises(InvalidAlarmError, match="ActionsSuppressorWaitPeriod must be a whole number"):
        composite_alarm(composite("TRUE", ActionsSuppressor="a"))


def test_a_composite_follows_its_children() -> None:
    """A change of a child changes the composite at the same instant, and says which child it was."""
    region = region_with({"a": "OK", "b": "OK"})
    region.put_composite_alarm(composite("ALARM(a) OR ALARM(b)"), NOW + 200)
    events = region.set_alarm_state("b", "ALARM", "by hand", None, at("10:42:02.864"))
    assert [event["detail"]["alarmName"] for event in events] == ["b", "all"]
    state = events[1]["detail"]["state"]
    assert state == {
        "value": "ALARM",
        "reason": f"{arn('b')} transitioned to ALARM at Monday 14 September, 2026 10:42:02 UTC",
        "reasonData": json.dumps(
            {
                "triggeringAlarms": [
                    {
                        "arn": arn("b"),
                        "state": {"value": "ALARM", "timestamp": "2026-09-14T10:42:02.864+0000"},
                    }
                ]
            },
            separators=(",", ":"),
        ),
        "timestamp": "2026-09-14T10:42:02.864+0000",
    }
    assert events[1]["detail"]["configuration"] == {"alarmRule": "ALARM(a) OR ALARM(b)"}
    # The other child changes nothing any more.
    assert [
        event["detail"]["alarmName"] for event in region.set_alarm_state("a", "ALARM", "", None, NOW + 900)
    ] == ["a"]


def test_composites_of_composites() -> None:
    """A change goes through all levels."""
    region = region_with({"a": "OK"})
    region.put_composite_alarm({"AlarmName": "first", "AlarmRule": "ALARM(a)"}, NOW + 200)
    region.put_composite_alarm({"AlarmName": "second", "AlarmRule": "NOT ALARM(first)"}, NOW + 300)
    assert region.state("second").value == "ALARM"
    events = region.set_alarm_state("a", "ALARM", "by hand", None, NOW + 400)
    assert [(event["detail"]["alarmName"], event["detail"]["state"]["value"]) for event in events] == [
        ("a", "ALARM"),
        ("first", "ALARM"),
        ("second", "OK"),
    ]


def test_a_circle_comes_to_rest() -> None:
    """Composite alarms may form a circle; a change goes around it once."""
    region = region_with({"a": "OK"})
    region.put_composite_alarm({"AlarmName": "first", "AlarmRule": "ALARM(a)"}, NOW + 200)
    region.put_composite_alarm({"AlarmName": "second", "AlarmRule": "ALARM(first)"}, NOW + 300)
    region.put_composite_alarm(
        {"AlarmName": "first", "AlarmRule": "ALARM(a) AND NOT ALARM(second)"}, NOW + 400
    )
    events = region.set_alarm_state("a", "ALARM", "by hand", None, NOW + 500)
    assert [event["detail"]["alarmName"] for event in events] == ["a", "first", "second"]


def test_an_updated_rule_is_evaluated_at_once() -> None:
    """An update keeps the state if the new rule agrees with it, and changes it otherwise."""
    region = region_with(STATES)
    region.put_composite_alarm(composite("ALARM(a)"), NOW + 200)
    before = region.state("all")
    (update,) = region.put_composite_alarm(composite("OK(b)"), NOW + 300)
    assert update["detail"]["operation"] == "update"
    # As captured: the words of the reason follow the update, its data and its time do not.
    after = region.state("all")
    assert after.reason == f"{arn('all')} was updated and its new alarm rule evaluates to ALARM"
    assert (after.reason_data, after.updated_ms) == (before.reason_data, before.updated_ms)
    _, changed = region.put_composite_alarm(composite("OK(a)"), NOW + 400)
    assert (
        changed["detail"]["state"]["reason"]
        == f"{arn('all')} was updated and its new alarm rule evaluates to OK"
    )


def test_a_child_cannot_be_deleted() -> None:
    """What a composite alarm depends on stays, and so does everything else of the same call."""
    region = region_with(STATES)
    region.put_composite_alarm(composite("ALARM(a)"), NOW + 200)
    with pytest.raises(InvalidAlarmError, match="composite alarm 'all' depends on it"):
        region.delete_alarms(["b", "a"], NOW + 300)
    assert len(region.describe_alarms()["MetricAlarms"]) == 3
    region.delete_alarms(["all"], NOW + 400)
    assert len(region.delete_alarms(["b", "a", "unknown", "a"], NOW + 500)) == 2


def test_one_child_has_at_most_150_parents() -> None:
    """The 151st composite alarm over one child is refused."""
    region = region_with({"a": "OK"})
    for number in range(150):
        region.put_composite_alarm({"AlarmName": f"all-{number}", "AlarmRule": "ALARM(a)"}, NOW + 200)
    with pytest.raises(InvalidAlarmError, match="at most 150 composite alarms"):
        region.put_composite_alarm(composite("ALARM(a)"), NOW + 200)


def test_a_name_belongs_to_one_kind() -> None:
    """A composite cannot take the name of a metric alarm."""
    region = region_with({"a": "OK"})
    with pytest.raises(InvalidAlarmError, match="an alarm of another type has this name"):
        region.put_composite_alarm({"AlarmName": "a", "AlarmRule": "TRUE"}, NOW + 200)


def test_a_composite_set_by_hand_stays() -> None:
    """A composite that was set manually returns only when a child changes it."""
    region = region_with({"a": "OK"})
    region.put_composite_alarm(composite("ALARM(a)"), NOW + 200)
    region.set_alarm_state("all", "ALARM", "by hand", None, NOW + 300)
    region.advance(NOW + 3_600_000)
    assert region.state("all").value == "ALARM"
    region.set_alarm_state("a", "ALARM", "by hand", None, NOW + 3_600_001)
    assert states_of(region.set_alarm_state("a", "OK", "by hand", None, NOW + 3_600_002), "all")[0][1] == "OK"


names = st.sampled_from("abcd")
states = st.sampled_from(list(State))
rules: st.SearchStrategy[str] = st.recursive(
    st.one_of(
        st.sampled_from(["TRUE", "FALSE"]), st.builds(lambda state, name: f"{state}({name})", states, names)
    ),
    lambda inner: st.one_of(
        st.builds(lambda one, two: f"({one} AND {two})", inner, inner),
        st.builds(lambda one, two: f"({one} OR {two})", inner, inner),
        st.builds(lambda one: f"NOT {one}", inner),
    ),
    max_leaves=8,
)


@given(rules, st.fixed_dictionaries(dict.fromkeys("abcd", states)))
def test_a_rule_means_what_python_means(rule: str, current: dict[str, State]) -> None:
    """AND, OR, NOT and the state functions are ordinary logic; the causes alone fix the result."""
    parsed = parse_rule(rule).rule
    functions = {state.value: (lambda name, state=state: current[name] is state) for state in State}
    text = rule
    for name in "abcd":
        text = text.replace(f"({name})", f"('{name}')")
    for word, python in (
        ("AND", "and"),
        ("OR ", "or "),
        ("NOT", "not"),
        ("TRUE", "True"),
        ("FALSE", "False"),
    ):
        text = text.replace(
            f" {word}" if word in {"AND", "OR "} else word, f" {python}" if word in {"AND", "OR "} else python
        )
    expected = eval(text, {}, functions)
    assert parsed.holds(current.__getitem__) is expected
    causes = set(parsed.causes(current.__getitem__))
    for others in State:
        changed = {name: state if name in causes else others for name, state in current.items()}
        assert parsed.holds(changed.__getitem__) is expected


def test_a_rule_error_is_no_alarm_error() -> None:
    """Rules can be parsed alone."""
    with pytest.raises(RuleError, match="ends too early"):
        parse_rule("NOT")
