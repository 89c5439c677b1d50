"""Durations and times as operators write and read them."""

from __future__ import annotations

import pytest

from recloser.cli.problems import BadInput
from recloser.cli.times import distance, duration_ms, moment, moment_ms, until_ms

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [("45s", 45_000), ("30m", 1_800_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("1.5h", 5_400_000)],
)
def test_durations(text: str, expected_ms: int) -> None:
    """A duration is a sum of numbers of seconds, minutes, hours and days."""
    assert duration_ms(text) == expected_ms


@pytest.mark.parametrize(
    "text", ["", "30", "m", "30 m", "-5m", "0s", "0.4s", "30min", "5m!", "4000d", "1e3s"]
)
def test_durations_refused(text: str) -> None:
    """Any other form, and a duration that ends before it begins, is told with what is allowed."""
    with pytest.raises(BadInput, match=r"--for .* is not allowed: whole or decimal numbers of s, m, h or d"):
        duration_ms(text)


@pytest.mark.parametrize("text", ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "20231114T221320Z"])
def test_moments(text: str) -> None:
    """A time with an offset means the same everywhere."""
    assert moment_ms(text) == NOW_MS


def test_moment_is_read_back() -> None:
    """What is printed can be given back, also where no offset is said: that is local time."""
    assert moment_ms(moment(NOW_MS)) == NOW_MS
    assert moment_ms(moment(NOW_MS)[:19]) == NOW_MS


@pytest.mark.parametrize("text", ["", "tomorrow", "17:30", "2023-13-01T00:00", "1700000000"])
def test_moments_refused(text: str) -> None:
    """A time of another form is told with examples."""
    with pytest.raises(BadInput, match=r"--until .* is not allowed: an ISO 8601 time, as 2031"):
        moment_ms(text)


def test_until() -> None:
    """An end is given by either option, by none, but not by both, and lies ahead."""
    assert until_ms(None, None, NOW_MS) is None
    assert until_ms("30m", None, NOW_MS) == NOW_MS + 1_800_000
    assert until_ms(None, "2023-11-14T22:13:21Z", NOW_MS) == NOW_MS + 1000
    with pytest.raises(BadInput, match="--until '2031-01-01' is not allowed: not together with --for 30m"):
        until_ms("30m", "2031-01-01", NOW_MS)
    with pytest.raises(BadInput, match=r"is not allowed: a time after now, 2023-11-1[45]"):
        until_ms(None, "2023-11-14T22:13:20Z", NOW_MS)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "now"),
        (-5, "5s ago"),
        (90, "in 1m 30s"),
        (3600, "in 1h"),
        (-90_061, "1d 1h ago"),
        (-86_405, "1d 5s ago"),
    ],
)
def test_distance(seconds: int, expected: str) -> None:
    """A distance has two units at most."""
    assert distance(NOW_MS + seconds * 1000, NOW_MS) == expected


@pytest.mark.parametrize("at_ms", [10**38, -(10**38), 253_402_300_800_000])
def test_times_of_no_calendar(at_ms: int) -> None:
    """A time that no calendar has is shown as it is stored."""
    assert moment(at_ms) == f"{at_ms} ms"
    assert str(at_ms) in distance(at_ms, NOW_MS)
