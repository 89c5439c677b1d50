"""What a circuit is: frozen data, no behavior beyond reading itself.

All times are epoch milliseconds (`_ms`) unless a name says seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from recloser.frozen import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_NAME = 64
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
DUE_SHARDS = 8
HISTORY_LENGTH = 10
OPERATIONS_LENGTH = 5
# Permits that may be given back in one generation; then a new one begins, so that no item grows without end.
GIVE_BACKS_PER_GENERATION = 100


class State(StrEnum):
    """The flag that callers read."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Cause(StrEnum):
    """Why something is as it is, for code and queries. Reasons are for people: no code reads them."""

    # A circuit moved, or was written.
    ALARM = "alarm"
    ALARM_BY_HAND = "alarm_by_hand"
    FAILURES_REPORTED = "failures_reported"
    PROBE_CLAIMED = "probe_claimed"
    RETRY_DUE = "retry_due"
    PROBE_FAILED = "probe_failed"
    PROBE_LOST = "probe_lost"
    PERMITS_REPLACED = "permits_replaced"
    PERMITS_UNUSABLE = "permits_unusable"
    NO_RETRY_TIME = "no_retry_time"
    NO_PROBE_OUT = "no_probe_out"
    CANARY_SUCCEEDED = "canary_succeeded"
    PROBES_SUCCEEDED = "probes_succeeded"
    OPERATOR = "operator"  # forced open or closed
    RELEASED = "released"
    OVERRIDE_EXPIRED = "override_expired"
    RESET = "reset"
    POLICY_SET = "policy_set"

    # A signal changed nothing.
    HELD_OPEN = "held_open"
    ALREADY_OPEN = "already_open"
    PROBES_DECIDE = "probes_decide"
    STALE_DATA = "stale_data"
    TOO_FEW_CALLS = "too_few_calls"
    BELOW_THRESHOLD = "below_threshold"
    NO_BASELINE = "no_baseline"
    IMPLAUSIBLE = "implausible"
    CLOSED_ALREADY = "closed_already"
    OLD_GENERATION = "old_generation"
    TOO_FEW_SUCCESSES = "too_few_successes"
    NOT_DUE = "not_due"
    NO_TRAFFIC = "no_traffic"
    NO_OVERRIDE = "no_override"

    # A call was refused, though the circuit is closed or its flag is not known.
    LOCAL_TRIP = "local_trip"
    RAMP = "ramp"
    UNREADABLE_FLAG = "unreadable_flag"


def is_name(text: str) -> bool:
    """Tell whether a text can name a circuit."""
    return 0 < len(text) <= LONGEST_NAME and _NAME_CHARACTERS.issuperset(text) and text not in (".", "..")


def validate_name(name: object) -> str:
    """Return `name` if it can name a circuit.

    Raises:
        ValueError: it is not 1 to 64 of `A-Z a-z 0-9 - _ .`

    """
    if isinstance(name, str) and is_name(name):
        return str.__str__(name)  # plain: a member of an Enum would be another text in the permits' keys
    raise ValueError(f"circuit name {name!r} is not allowed: 1 to 64 of A-Z a-z 0-9 - _ .")


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word, which beats the state until it is released or expires."""

    state: State
    by: str
    why: str
    at_ms: int
    until_ms: int | None = None

    def __post_init__(self) -> None:
        if self.state not in (State.OPEN, State.CLOSED):
            raise ValueError(f"override state {self.state!r} is not allowed: OPEN or CLOSED")
        if self.until_ms is not None and self.until_ms <= self.at_ms:
            raise ValueError(f"override until {self.until_ms} is not after its own time {self.at_ms}")

    def is_active(self, now_ms: int) -> bool:
        return self.until_ms is None or now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a circuit's history.

    `cause` is None where another version wrote it. `by` is the operator, if it was one. `count` is how often
    this step was made in the same outage: `at_ms`, `generation` and `reason` are of the last time.
    """

    at_ms: int
    from_state: State
    to_state: State
    generation: int
    reason: str
    cause: Cause | None = None
    by: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Trip:
    """What began an outage, whole. `Circuit.alarm` names the alarm.

    `threshold` and `datapoints`, newest first, are the alarm's; `calls` and `failures` were counted in its
    newest bad data, or reported by environments. None, and no datapoints: not known.
    """

    at_ms: int
    generation: int
    cause: Cause | None
    reason: str
    threshold: float | None = None
    datapoints: tuple[float, ...] = ()
    calls: int | None = None
    failures: int | None = None


@dataclass(frozen=True, slots=True)
class Circuit:
    """One protected dependency, as it was read.

    `cause` and `reason` are those of the last transition; the cause is None before the first, and where it is
    of a version that this one does not know. `trip` began the present or latest outage. `history` are the
    transitions that nobody ordered, `operations` what operators did, both oldest first. `permits` counts the
    permits minted in this generation. `deadline_at_ms` is when a probe that is out counts as lost; it is set
    while such a probe's clock runs.
    """

    name: str
    state: State = State.CLOSED
    generation: int = 0
    revision: int = 0
    changed_at_ms: int = 0
    opened_at_ms: int | None = None
    closed_at_ms: int | None = None
    retry_at_ms: int | None = None
    deadline_at_ms: int | None = None
    trips: int = 0
    permits: int = 0
    reason: str = ""
    cause: Cause | None = None
    alarm: str | None = None
    override: Override | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Transition, ...] = ()
    operations: tuple[Transition, ...] = ()
    trip: Trip | None = None

    @property
    def timeline(self) -> tuple[Transition, ...]:
        """The history with the operations, oldest first."""
        return tuple(sorted((*self.history, *self.operations), key=lambda line: line.at_ms))

    def active_override(self, now_ms: int) -> Override | None:
        if self.override is not None and self.override.is_active(now_ms):
            return self.override
        return None

    def state_for_callers(self, now_ms: int) -> State:
        """The state that counts: the override's while there is one."""
        override = self.active_override(now_ms)
        return self.state if override is None else override.state

    @property
    def due_at_ms(self) -> int | None:
        """When time must do something with this circuit; None: never.

        A half-open circuit is always due, so that every tick looks after its probes.
        """
        times: list[int | None] = []
        if self.override is not None:
            times.append(self.override.until_ms)
        if self.state is State.OPEN:
            # With no time, and nobody who holds it open, it is due at once: it must not stay open for ever.
            held = self.override is not None and self.override.state is State.OPEN
            times.append(self.changed_at_ms if self.retry_at_ms is None and not held else self.retry_at_ms)
        elif self.state is State.HALF_OPEN:
            times.append(self.deadline_at_ms or self.changed_at_ms)
        return min((time for time in times if time is not None), default=None)

    @property
    def due_shard(self) -> int:
        """The partition of the index `due` that this circuit is listed in."""
        import zlib  # noqa: PLC0415  (callers have no use for it)

        return zlib.crc32(self.name.encode()) % DUE_SHARDS


@dataclass(frozen=True, slots=True)
class Probes:
    """What became of the permits of one generation.

    `returned` are permits given back, because the call ended in an exception that says nothing
    about the dependency.
    """

    generation: int
    granted: int = 0
    allowed: int = 0
    opens_at_ms: int = 0
    succeeded: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    returned: frozenset[int] = frozenset()

    @property
    def out(self) -> int:
        """Permits granted and neither reported nor given back."""
        return self.granted - len(self.succeeded | self.failed | self.returned)

    @property
    def available(self) -> int:
        return self.allowed - self.granted
