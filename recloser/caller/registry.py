"""Everything of one kind that lives in this process, for the moments that concern all of it."""

from __future__ import annotations

from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Registry(Generic[T]):
    """Weak references to things, which may be listed while other threads add to them (a WeakSet may not)."""

    def __init__(self) -> None:
        self._things: WeakValueDictionary[int, T] = WeakValueDictionary()

    def add(self, thing: T) -> None:
        self._things[id(thing)] = thing

    def alive(self) -> list[T]:
        things = [reference() for reference in self._things.valuerefs()]
        return [thing for thing in things if thing is not None]
