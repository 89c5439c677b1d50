"""`with breaker:` and `async with breaker:`: an object of its own for each use.

Blocks nest, threads and tasks share a breaker, generators interleave, and an ExitStack may leave its blocks
in any order: which call a block ends must not be guessed from where it is left. Python loads `__exit__` anew
for each use, before it calls `__enter__` ("The with statement", Python language reference), and so does
ExitStack. Both are descriptors here: each load of `__exit__` makes an object, which the call of `__enter__`
that follows in the same thread fills in.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Use:
    """One use of a breaker as a context manager.

    Attributes:
        number: the call's, once the block has been entered.
        entered: where the breaker noted it; a forked child has a new place, and may still leave the block.

    """

    __slots__ = ("entered", "number")

    def __init__(self) -> None:
        self.number: int | None = None
        self.entered: dict[int, Any] | None = None


class _Loaded(threading.local):
    """The use whose `__exit__` was loaded last in this thread, until it is entered or left."""

    use: Use | None = None


_loaded = _Loaded()


class EnterMethod:
    """`__enter__` or `__aenter__`.

    Args:
        method: called with the breaker and the object of this use.

    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __get__(self, breaker: object | None, owner: type) -> Callable[..., Any]:
        # ExitStack loads it from the class, and calls it with the breaker.
        return self._enter if breaker is None else functools.partial(self._enter, breaker)

    def _enter(self, breaker: object) -> Any:
        use, _loaded.use = _loaded.use or Use(), None
        return self._method(breaker, use)


class ExitMethod:
    """`__exit__` or `__aexit__`.

    Args:
        method: called with the breaker, the object of this use, and what the protocol passes.

    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __get__(self, breaker: object | None, owner: type) -> Callable[..., Any]:
        use = _loaded.use = Use()

        def leave(breaker: object, *error: Any) -> Any:
            if _loaded.use is use:
                _loaded.use = None
            return self._method(breaker, use, *error)

        return leave if breaker is None else functools.partial(leave, breaker)
