"""A call that was let through, and which calls inside it share its admission."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recloser.caller.flag_cache import KnownFlag
    from recloser.caller.watchdog import Deadline


class AdmittedCall:
    """A call whose end needs more than its duration; the others are known by their number alone.

    Attributes:
        started: when it began, epoch seconds.
        is_counted: its outcome belongs in the failure rate.
        permit: it is a probe: the generation and the probe's number.
        is_trial: it is the one call after a local hold.
        deadline: when the watchdog counts it as failed.

    """

    __slots__ = ("deadline", "is_counted", "is_trial", "outer", "permit", "sharing", "started")

    def __init__(
        self,
        started: float,
        *,
        is_counted: bool = True,
        is_trial: bool = False,
        permit: tuple[int, int] | None = None,
    ) -> None:
        self.started = started
        self.is_counted = is_counted
        self.is_trial = is_trial
        self.permit = permit
        self.deadline: Deadline | None = None
        self.sharing: KnownFlag | None = None
        self.outer: AdmittedCall | None = None

    @property
    def is_probe_or_trial(self) -> bool:
        return self.is_trial or self.permit is not None


NESTED = AdmittedCall(0.0, is_counted=False)
"""A call inside a probe or trial of the same circuit: the outer call's end tells about both."""

# Set while a probe or trial runs, and only then: ordinary calls pay nothing for it.
innermost: ContextVar[AdmittedCall | None] = ContextVar("recloser_probe", default=None)


def share(call: AdmittedCall, circuit: KnownFlag) -> None:
    """Let the calls of the same circuit inside this one, in this thread or task, share its admission.

    The circuit is told by its flag, which all breakers of a process share that have its name.
    """
    call.sharing = circuit
    call.outer = _innermost_running()
    innermost.set(call)


def end_sharing(call: AdmittedCall) -> None:
    """Say that the call has ended. It may be said in another thread or task than `share` was."""
    call.sharing = None
    if innermost.get() is not None:
        innermost.set(_innermost_running())


def is_shared(circuit: KnownFlag) -> bool:
    """Tell whether this thread or task is inside a probe or trial of this circuit that still runs."""
    call = innermost.get()
    while call is not None:
        if call.sharing is circuit:
            return True
        call = call.outer
    return False


def _innermost_running() -> AdmittedCall | None:
    """Skip calls that have ended before calls inside them, or elsewhere: nobody else takes them away."""
    call = innermost.get()
    while call is not None and call.sharing is None:
        call = call.outer
    return call
