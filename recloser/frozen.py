"""Frozen dataclasses with slots that are quick to define and to make.

A process pays for each class that it defines while it starts. `dataclasses` writes six methods for a class,
as source text, and loads a parser and a disassembler to do so. Here one method is written, and not before it
is called; the others are the same for all classes.

Type checkers take `dataclass`, `field` and `replace` for those of `dataclasses`. So does code that looks into
one of these classes: `dataclasses.fields`, `asdict` and their like work with it, and so does pickle.
"""

from __future__ import annotations

from operator import attrgetter

TYPE_CHECKING = False  # `typing` has it, too, but takes a fifth of the time that all of this package takes
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


__all__ = ["dataclass", "field", "replace"]


class _Factory:
    """The default of a field that each value gets a new one of."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


class _Maker:
    """`__new__`, written when the first value is made: many a process makes none of some classes."""

    def __init__(self, annotations: dict[str, Any], defaults: dict[str, Any], filled_in: type) -> None:
        self._annotations = annotations
        self._defaults = defaults
        self._filled_in = filled_in

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        known: dict[str, Any] = {f"_default_{name}": default for name, default in self._defaults.items()}
        known |= {"_new": object.__new__, "_filled_in": self._filled_in}
        exec(self._source(), known)  # noqa: S102  (the fields' names are identifiers of this package)
        maker: Any = known["__new__"]
        maker.__annotations__ = self._annotations
        maker.__qualname__ = f"{self._owner.__qualname__}.__new__"
        self._owner.__new__ = staticmethod(maker)  # type: ignore[method-assign]
        return maker  # type: ignore[no-any-return]

    def _source(self) -> str:
        """Write a function with the fields as its parameters.

        A value is filled in before it is frozen: it is made as one of another class with the same slots, and
        then becomes one of ours. To assign to it in spite of its being frozen would take twice the time.
        """
        defaults = self._defaults
        fields = [f"{name}=_default_{name}" if name in defaults else name for name in self._annotations]
        lines = [f"def __new__(cls, {', '.join(fields)}):", " self = _new(_filled_in)"]
        for name in self._annotations:
            if isinstance(defaults.get(name), _Factory):
                lines.append(f" if {name} is _default_{name}: {name} = _default_{name}.make()")
            lines.append(f" self.{name} = {name}")
        lines.append(" self.__class__ = cls")
        if hasattr(self._owner, "__post_init__"):
            lines.append(" self.__post_init__()")
        lines.append(" return self")
        return "\n".join(lines)


class _Fields:
    """What `dataclasses` looks for in a class, made when it does."""

    def __init__(self, annotations: dict[str, Any], defaults: dict[str, Any]) -> None:
        self._annotations = annotations
        self._defaults = defaults

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        import dataclasses  # noqa: PLC0415  (callers have no use for it)

        asked_for: list[Any] = []
        for name, annotation in self._annotations.items():
            if name not in self._defaults:
                asked_for.append((name, annotation))
                continue
            default = self._defaults[name]
            is_made = isinstance(default, _Factory)
            own = dataclasses.field(default_factory=default.make) if is_made else default
            asked_for.append((name, annotation, own))
        twin: Any = dataclasses.make_dataclass(owner.__name__, asked_for, frozen=True)
        fields: dict[str, Any] = twin.__dataclass_fields__
        owner.__dataclass_fields__ = fields  # type: ignore[attr-defined]
        return fields


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    same: bool = self._values(self) == self._values(other)
    return same


def _hash(self: Any) -> int:
    return hash(self._values(self))


def _repr(self: Any) -> str:
    fields = zip(self.__match_args__, self._values(self), strict=True)
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields)})"


def _setattr(self: Any, name: str, value: object) -> None:  # noqa: ARG001  (the language's)
    raise AttributeError(f"cannot assign to field {name!r} of {type(self).__name__}: it is frozen")


def _delattr(self: Any, name: str) -> None:
    raise AttributeError(f"cannot delete field {name!r} of {type(self).__name__}: it is frozen")


def _reduce(self: Any) -> tuple[type, tuple[Any, ...]]:
    return type(self), self._values(self)


def _replace(value: Any, /, **changes: Any) -> Any:
    """Return the same with other values in some fields, checked again.

    Raises:
        TypeError: there is no such field.

    """
    values = value._values(value)  # noqa: SLF001  (it is this file's)
    return type(value)(**dict(zip(value.__match_args__, values, strict=True)) | changes)


_SAME_FOR_ALL = {
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__reduce__": _reduce,
    "__replace__": _replace,
}


def _defined(cls: type) -> type:
    """Define a class anew: frozen, and with slots."""
    namespace = dict(vars(cls))
    annotations = namespace["__annotations__"]
    names = tuple(annotations)
    if len(names) < 2:  # noqa: PLR2004  (the getter of one gives no tuple)
        raise TypeError(f"{cls.__name__} has fewer than two fields: such classes are for `dataclasses`")
    defaults = {name: namespace.pop(name) for name in names if name in namespace}
    del namespace["__dict__"], namespace["__weakref__"]
    filled_in = type(cls.__name__, (), {"__slots__": names, "__module__": cls.__module__})
    return type(
        cls.__name__,
        (filled_in,),
        namespace
        | _SAME_FOR_ALL
        | {
            "__slots__": (),
            "__match_args__": names,
            "__new__": _Maker(annotations, defaults, filled_in),
            "__dataclass_fields__": _Fields(annotations, defaults),
            "_values": attrgetter(*names),
        },
    )


def _dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
    """Define a class with these fields, as `dataclasses.dataclass` does.

    Raises:
        TypeError: it shall not be frozen, or have no slots.

    """
    if not (frozen and slots):
        raise TypeError("only frozen=True, slots=True is allowed here: others are for `dataclasses`")
    return _defined


def _field(*, default_factory: Callable[[], object]) -> Any:
    return _Factory(default_factory)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _field, _replace
