"""What a plain function returned: an answer, or something that has yet to become one."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import typing
from collections.abc import Awaitable, Callable
from enum import Enum
from types import AsyncGeneratorType, CodeType, GeneratorType
from typing import Any
from weakref import WeakKeyDictionary


class Answers(Enum):
    """How a function gives its answer.

    AT_ONCE: by returning it. LATER: by an awaitable that begins its work when it is awaited. RUNNING: by a
    future, whose work has begun. NEVER: by a generator, which gives many answers, or by a context manager
    made of one.
    """

    AT_ONCE = "at once"
    LATER = "later"
    RUNNING = "running"
    NEVER = "never"


# What most functions return, and is no awaitable.
PLAIN = frozenset({type(None), bool, int, float, str, bytes, dict, list, tuple, set})

_GENERATORS = frozenset({GeneratorType, AsyncGeneratorType})
_CONTEXT_MANAGERS = frozenset({"_GeneratorContextManager", "_AsyncGeneratorContextManager"})


def _helper_of(decorator: Callable[..., Any]) -> CodeType:
    """The code that every function has which this decorator of contextlib has made."""
    code: CodeType = decorator(lambda: None).__code__
    return code


_HELPERS = (_helper_of(contextlib.contextmanager), _helper_of(contextlib.asynccontextmanager))

# How functions answer, by their code: lambdas and closures are made anew for each call.
_kinds: WeakKeyDictionary[CodeType, Answers] = WeakKeyDictionary()


def kind_of(answer: Any) -> Answers:
    """Tell what a plain function has returned."""
    kind = answer.__class__
    if kind in PLAIN:
        return Answers.AT_ONCE
    if hasattr(kind, "add_done_callback") and hasattr(kind, "exception"):
        return Answers.RUNNING
    if hasattr(kind, "__await__"):
        return Answers.LATER
    is_lazy = kind in _GENERATORS or (kind.__module__ == "contextlib" and kind.__name__ in _CONTEXT_MANAGERS)
    return Answers.NEVER if is_lazy else Answers.AT_ONCE


def is_async(function: Any) -> bool:
    """Tell whether calling `function` makes a coroutine.

    Such are `async def`, an object with an `async def __call__`, and a partial of either.
    """
    of = _unwrapped(function)
    return inspect.iscoroutinefunction(of) or inspect.iscoroutinefunction(_call_of(of))


def makes_generators(function: Any) -> bool:
    """Tell whether calling `function` makes a generator, or a context manager of one."""
    of = _unwrapped(function)
    for each in (of, _call_of(of)):
        if inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each):
            return True
    return getattr(of, "__code__", None) in _HELPERS


def _unwrapped(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _call_of(thing: Any) -> Any:
    """The method that is run when an object that is no function is called."""
    if inspect.isroutine(thing) or isinstance(thing, type):
        return None
    return getattr(type(thing), "__call__", None)  # noqa: B004  (the method, not whether there is one)


def known_kind(function: Callable[..., Any]) -> Answers:
    """Tell how a plain function will answer, as far as it is known: as it did before, or as annotated."""
    code = _code(function)
    if code is None:
        return Answers.AT_ONCE
    kind = _kinds.get(code)
    if kind is None:
        kind = _kinds[code] = _annotated(function)
    return kind


def learn(function: Callable[..., Any], kind: Answers) -> None:
    """Remember how a plain function answered."""
    code = _code(function)
    if code is not None:
        _kinds[code] = kind


def _code(function: Any) -> CodeType | None:
    function = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
    function = getattr(function, "func", function)  # a partial's
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _annotated(function: Callable[..., Any]) -> Answers:
    returned = getattr(function, "__annotations__", {}).get("return")
    if isinstance(returned, str):
        returned = _evaluated(returned, function)
    returned = typing.get_origin(returned) or returned
    if not isinstance(returned, type):
        return Answers.AT_ONCE
    if hasattr(returned, "add_done_callback") and hasattr(returned, "exception"):
        return Answers.RUNNING
    return Answers.LATER if issubclass(returned, Awaitable) else Answers.AT_ONCE


def _evaluated(annotation: str, function: Callable[..., Any]) -> Any:
    try:
        return typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001  (a name that exists for type checkers only)
        return getattr(
            sys.modules.get("collections.abc"),
            annotation.split("[", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1],
            None,
        )
