"""The settings of a circuit: a type for who decides, one for who calls, and the check of both."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

from recloser.frozen import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class PolicyError(ValueError):
    """A setting of a policy is unknown or out of its range."""


LARGEST_SECONDS: Final = 7 * 24 * 3600.0

# name: (smallest, largest allowed value); where both are int, the setting is a whole number
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "recovery_timeout_seconds": (0.1, LARGEST_SECONDS),
    "backoff": (1.0, 10.0),
    "max_recovery_timeout_seconds": (0.1, LARGEST_SECONDS),
    "jitter": (0.0, 0.5),
    "permits": (1, 1000),
    "successes_to_close": (1, 1000),
    "probe_deadline_seconds": (0.1, 24 * 3600.0),
    "stable_after_seconds": (0.0, LARGEST_SECONDS),
    "failure_threshold_percent": (0.0, 100.0),
    "minimum_calls": (1, 1_000_000),
    "ramp_seconds": (0.0, 24 * 3600.0),
}

_OPTIONAL: Final = ("failure_threshold_percent", "minimum_calls")


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """How a circuit trips and recovers: what `decide` goes by.

    Times in seconds; `jitter` is a fraction (0.1: plus or minus 10 %). `failure_threshold_percent` and
    `minimum_calls` judge a circuit that has no failure-rate alarm of its own; None: what the alarm that was
    raised says.

    Raises:
        PolicyError: a value is outside its range; the message names the setting, the value and the range.

    """

    recovery_timeout_seconds: float = 10.0
    backoff: float = 1.0
    max_recovery_timeout_seconds: float = 900.0
    jitter: float = 0.1
    permits: int = 10
    successes_to_close: int = 5
    probe_deadline_seconds: float = 30.0
    stable_after_seconds: float = 600.0
    failure_threshold_percent: float | None = None
    minimum_calls: int | None = None

    def __post_init__(self) -> None:
        settings: dict[str, Any] = {name: getattr(self, name) for name in self.__match_args__}
        for name, value in settings.items():
            if value is not None or name not in _OPTIONAL:
                _check(name, value)
        _check_together(settings)

    def with_overrides(self, settings: Mapping[str, Any]) -> RecoveryPolicy:
        """This policy with a circuit's own settings. Those for callers are checked, and not taken.

        Raises:
            PolicyError: a setting is unknown or out of its range.

        """
        own = validated(settings)
        return replace(self, **{name: own[name] for name in self.__match_args__ if name in own})


@dataclass(frozen=True, slots=True)
class CallerPolicy:
    """What callers do with a flag.

    `enforce` False is shadow mode: nobody is refused. `ramp_seconds` is how long traffic takes to return
    after a close.

    Raises:
        PolicyError: a value is outside its range; the message names the setting, the value and the range.

    """

    enforce: bool = True
    ramp_seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__match_args__:
            _check(name, getattr(self, name))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> CallerPolicy:
        """Read the callers' settings of a circuit. One that cannot be used takes its default."""
        own: dict[str, Any] = {}
        for name in cls.__match_args__:
            if name in settings:
                with suppress(PolicyError):
                    own[name] = _read(name, settings[name])
        return cls(**own)


SETTINGS: Final = RecoveryPolicy.__match_args__ + CallerPolicy.__match_args__  # the names of their fields


def validated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check a map of settings of both policies, as a circuit's item holds it.

    Each by itself, and those that bound each other where both are given: whether one fits the default of the
    other depends on the stack's defaults, which `RecoveryPolicy.with_overrides` knows.

    Returns:
        The settings; a whole number that was written as 10.0 is 10.

    Raises:
        PolicyError: a setting is unknown or out of its range.

    """
    own = {name: _read(name, value) for name, value in settings.items()}
    _check_together(own)
    return own


def usable(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Take what is usable of a map of settings that nobody may have checked.

    Returns:
        The settings that validate, by themselves and together; and what is wrong with the others.

    """
    own: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in sorted(settings.items()):  # of two that do not go together, always the same is taken
        try:
            own = validated(own | {name: value})
        except PolicyError as error:
            problems.append(str(error))
    return {name: own[name] for name in settings if name in own}, problems


def _read(name: str, value: object) -> object:
    if name not in SETTINGS:
        raise PolicyError(f"policy {name} is unknown: allowed are {', '.join(SETTINGS)}")
    if _is_whole(name) and isinstance(value, float) and value.is_integer():
        value = int(value)
    _check(name, value)
    return value


def _is_whole(name: str) -> bool:
    return name in _RANGES and isinstance(_RANGES[name][0], int)


def _check(name: str, value: object) -> None:
    if name not in _RANGES:
        if not isinstance(value, bool):
            raise PolicyError(f"policy {name} = {value!r} is not allowed: true or false")
        return
    smallest, largest = _RANGES[name]
    kind, wanted = (int, "a whole number") if _is_whole(name) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kind) or not smallest <= value <= largest:
        raise PolicyError(f"policy {name} = {value!r} is not allowed: {wanted} from {smallest} to {largest}")


def _check_together(settings: Mapping[str, Any]) -> None:
    timeout = settings.get("recovery_timeout_seconds", 0.0)
    longest = settings.get("max_recovery_timeout_seconds", math.inf)
    if timeout > longest:
        raise PolicyError(
            f"policy recovery_timeout_seconds = {timeout} is not allowed: "
            f"at most max_recovery_timeout_seconds = {longest}"
        )
    successes, permits = settings.get("successes_to_close", 0), settings.get("permits", math.inf)
    if successes > permits:
        raise PolicyError(
            f"policy successes_to_close = {successes} is not allowed: "
            f"at most permits = {permits}, or the circuit could never close"
        )
