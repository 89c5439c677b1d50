"""Which call a `with` block ends: blocks nest, threads and tasks share a breaker, generators interleave."""

from __future__ import annotations

from recloser.caller.lanes import Call


class Blocks:
    """The calls of blocks that were entered and not left.

    A breaker is one object for all its blocks, so a block is known by the frame that it stands in. One that
    was entered for another (by an ExitStack) is known by its thread or task instead.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, int, Call]] = {}

    def entered(self, call: Call, frame: int, owner: int) -> None:
        """Note a block.

        Args:
            call: what it was let through as.
            frame: the identity of the frame that holds the block.
            owner: the identity of its thread or task.

        """
        self._open[call.number] = (frame, owner, call)

    def left(self, frame: int, owner: int) -> Call:
        """Return the call of the block that is left, the newest where several fit.

        Raises:
            RuntimeError: no block was entered.

        """
        newest_first = list(self._open.values())[::-1]
        by_frame = [call for its_frame, _, call in newest_first if its_frame == frame]
        by_owner = [call for _, its_owner, call in newest_first if its_owner == owner]
        for call in (*by_frame, *by_owner, *(call for _, _, call in newest_first)):
            if self._open.pop(call.number, None) is not None:
                return call
        raise RuntimeError("a block is left that was not entered")
