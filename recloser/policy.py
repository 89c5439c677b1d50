"""How a circuit behaves: settings with ranges, checked where they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


class PolicyError(ValueError):
    """A setting of a policy is unknown or out of its range."""


LARGEST_SECONDS = 7 * 24 * 3600.0

# name: (smallest, largest allowed value)
_RANGES: dict[str, tuple[float, float]] = {
    "recovery_timeout_seconds": (0.1, LARGEST_SECONDS),
    "backoff": (1.0, 10.0),
    "max_recovery_timeout_seconds": (0.1, LARGEST_SECONDS),
    "jitter": (0.0, 0.5),
    "permits": (1, 1000),
    "successes_to_close": (1, 1000),
    "probe_deadline_seconds": (0.1, 24 * 3600.0),
    "stable_after_seconds": (0.0, LARGEST_SECONDS),
    "ramp_seconds": (0.0, 24 * 3600.0),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """How a circuit recovers. Times in seconds; `jitter` is a fraction (0.1: plus or minus 10 %).

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
    ramp_seconds: float = 0.0
    enforce: bool = True

    def __post_init__(self) -> None:
        for name, (smallest, largest) in _RANGES.items():
            _check_number(name, getattr(self, name), smallest, largest)
        if not isinstance(self.enforce, bool):
            raise PolicyError(f"policy enforce = {self.enforce!r} is not allowed: true or false")
        if self.recovery_timeout_seconds > self.max_recovery_timeout_seconds:
            raise PolicyError(
                f"policy recovery_timeout_seconds = {self.recovery_timeout_seconds} is not allowed: "
                f"at most max_recovery_timeout_seconds = {self.max_recovery_timeout_seconds}"
            )
        if self.successes_to_close > self.permits:
            raise PolicyError(
                f"policy successes_to_close = {self.successes_to_close} is not allowed: "
                f"at most permits = {self.permits}, or the circuit could never close"
            )

    def with_overrides(self, overrides: Mapping[str, Any]) -> Policy:
        """This policy with a circuit's own settings.

        Raises:
            PolicyError: a setting is unknown or out of its range.

        """
        known = {setting.name: setting for setting in fields(self)}
        for name in overrides:
            if name not in known:
                raise PolicyError(f"policy {name} is unknown: allowed are {', '.join(known)}")
        values = {name: getattr(self, name) for name in known} | dict(overrides)
        return Policy(**values)


def _check_number(name: str, value: object, smallest: float, largest: float) -> None:
    kind, wanted = (int, "a whole number") if isinstance(smallest, int) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kind) or not smallest <= value <= largest:
        raise PolicyError(f"policy {name} = {value!r} is not allowed: {wanted} from {smallest} to {largest}")
