"""How a function answers: at once, or by something that has yet to become an answer."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from types import AsyncGeneratorType, BuiltinFunctionType, CodeType, FunctionType, GeneratorType, MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_REMEMBERED = 4096


class Answers(Enum):
    """How a function gives its answer.

    AT_ONCE: by returning it. ASYNC: it is an `async def`. LATER: by another awaitable that begins its work
    when it is awaited. RUNNING: by a future, whose work has begun. NEVER: by a generator, which gives many
    answers, or by a context manager made of one.
    """

    AT_ONCE = "at once"
    ASYNC = "async"
    LATER = "later"
    RUNNING = "running"
    NEVER = "never"


# What most functions return, and is no awaitable: the types, by identity, since a metaclass may make a type
# that cannot be hashed. An answer is known by its type: a proxy's `__class__` may do or raise anything.
_PLAIN = frozenset(map(id, (type(None), bool, int, float, str, bytes, dict, list, tuple, set)))

_CONTEXT_MANAGERS = frozenset({"_GeneratorContextManager", "_AsyncGeneratorContextManager"})

# What is run itself when it is called.
_ROUTINES = (FunctionType, MethodType, BuiltinFunctionType)

# "Code Objects Bit Flags", `inspect`; `inspect.markcoroutinefunction` of Python 3.12 sets the attribute.
_COROUTINE = 0x80
_GENERATOR = 0x20 | 0x200  # plain, or async
_MARKED_ASYNC = "_is_coroutine_marker"

# How functions answer: what they are and are annotated as, or what they have returned.
_kinds: dict[object, Answers] = {}


def kind_of(answer: Any) -> Answers:
    """Tell what a plain function has returned."""
    kind = type(answer)
    if id(kind) in _PLAIN:
        return Answers.AT_ONCE
    if hasattr(kind, "add_done_callback") and hasattr(kind, "exception"):
        return Answers.RUNNING
    if hasattr(kind, "__await__"):
        return Answers.LATER
    is_generator = kind is GeneratorType or kind is AsyncGeneratorType
    is_lazy = is_generator or (kind.__module__ == "contextlib" and kind.__name__ in _CONTEXT_MANAGERS)
    return Answers.NEVER if is_lazy else Answers.AT_ONCE


def ended(future: Any) -> tuple[Any, BaseException | None]:
    """Tell what a future that is done has returned, or raised, or raises when it is asked."""
    try:
        error = future.exception()
        return (future.result() if error is None else None), error
    except BaseException as raised:  # noqa: BLE001  (it is looked at like any other)
        return None, raised


def known_kind(function: Callable[..., Any]) -> Answers:
    """Tell how a function answers, as far as it is known: as it is declared, or as it did before."""
    key = _key(function)
    try:
        kind = _kinds.get(key)
    except Exception:  # noqa: BLE001  (it holds something of an unhashable type)
        return _declared(function)
    if kind is None:
        if len(_kinds) >= MOST_REMEMBERED:
            _kinds.clear()  # a program that makes code without end: what is known is learned again
        kind = _kinds[key] = _declared(function)
    return kind


def learn(function: Callable[..., Any], kind: Answers) -> None:
    """Remember how a plain function answered."""
    with contextlib.suppress(Exception):  # as in `known_kind`
        _kinds[_key(function)] = kind


def _key(function: Any) -> object:
    """What functions that answer alike have in common.

    Lambdas and closures are made anew for each call, so it is their code; and, since a decorator's wrapper
    has the same code around whatever function, what they hold.
    """
    if not isinstance(function, FunctionType | MethodType):
        if isinstance(function, functools.partial):
            held_by_name = function.keywords.values()
            return (functools.partial, _key(function.func), *_held(function.args), *_held(held_by_name))
        return (
            type(function),
            getattr(function, "__name__", None),
            getattr(function, "__self__", None) is None,
            *_held(() if isinstance(function, type) else getattr(function, "__dict__", {}).values()),
        )
    code = function.__code__
    held: list[object] = []
    if function.__closure__ is not None:
        held.extend(_held([_content(cell) for cell in function.__closure__]))
    if function.__defaults__ is not None:
        held.extend(_held(function.__defaults__))
    by_name = getattr(function, "__kwdefaults__", None)
    if by_name is not None:
        held.extend(_held(by_name.values()))
    bound_to = getattr(function, "__self__", None)
    if bound_to is not None:
        held.append(type(bound_to))
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        held.append(_key(wrapped))
    return (code, *held) if held else code


def _held(things: Iterable[Any]) -> list[object]:
    """Functions by their code, all else by its type: enough to tell an async client from a plain one."""
    return [thing.__code__ if type(thing) in (FunctionType, MethodType) else type(thing) for thing in things]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _declared(function: Any) -> Answers:
    """Tell by a function's code and annotations. `inspect` knows codes, too, but takes long to load."""
    of = function
    while isinstance(of, functools.partial):
        of = of.func
    for each in (of,) if isinstance(of, _ROUTINES) else (of, _call_of(of)):
        if _MARKED_ASYNC in getattr(each, "__dict__", ()):  # asked so, since a mock has any attribute
            return Answers.ASYNC
        code = getattr(each, "__code__", None)
        if not isinstance(code, CodeType):
            continue
        if code.co_flags & _COROUTINE:
            return Answers.ASYNC
        if code.co_flags & _GENERATOR or code in _HELPERS:
            return Answers.NEVER
    return _annotated(of) if getattr(of, "__annotations__", None) else Answers.AT_ONCE


def _call_of(thing: Any) -> Any:
    """The method that is run when an object that is no function is called."""
    if isinstance(thing, type):
        return None
    return getattr(type(thing), "__call__", None)  # noqa: B004  (the method, not whether there is one)


def _helper_of(decorator: Callable[..., Any]) -> CodeType:
    """The code that every function has which this decorator of contextlib has made."""
    code: CodeType = decorator(lambda: None).__code__
    return code


_HELPERS = (_helper_of(contextlib.contextmanager), _helper_of(contextlib.asynccontextmanager))


def _annotated(function: Any) -> Answers:
    returned = getattr(function, "__annotations__", {}).get("return")
    if isinstance(returned, str):
        returned = _evaluated(returned, function)
    returned = getattr(returned, "__origin__", returned)
    if not isinstance(returned, type):
        return Answers.AT_ONCE
    if hasattr(returned, "add_done_callback") and hasattr(returned, "exception"):
        return Answers.RUNNING
    return Answers.LATER if issubclass(returned, Awaitable) else Answers.AT_ONCE


def _evaluated(annotation: str, function: Callable[..., Any]) -> Any:
    import typing  # noqa: PLC0415  (only for annotations that are text)

    try:
        return typing.get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001  (a name that exists for type checkers only)
        name = annotation.split("[", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]
        return getattr(sys.modules.get("collections.abc"), name, None)
