"""The frozen types: like those of `dataclasses`, whoever looks at them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from recloser.admit import Action, Admission, View
from recloser.caller.local_trip import LocalTrip
from recloser.caller.options import Options
from recloser.circuit import Cause, Circuit, Override, Probes, State, Transition, Trip
from recloser.frozen import dataclass, field, replace
from recloser.policy import CallerPolicy, PolicyError, RecoveryPolicy
from recloser.store.report_rows import Counted

OVERRIDE = Override(State.OPEN, by="ada", why="INC-7", at_ms=1_000, until_ms=2_000)
TRANSITION = Transition(5_000, State.CLOSED, State.OPEN, 7, "3 of 4", cause=Cause.ALARM, count=2)
TRIP = Trip(5_000, 7, Cause.ALARM, "3 of 4", 50.0, (75.0, 60.0), calls=4, failures=3)
VALUES: list[Any] = [
    Circuit("payments-api", State.OPEN, 7, override=OVERRIDE, history=(TRANSITION,), trip=TRIP),
    OVERRIDE,
    TRANSITION,
    TRIP,
    Probes(7, granted=1, allowed=2, succeeded=frozenset({1})),
    RecoveryPolicy(recovery_timeout_seconds=20.0),
    CallerPolicy(ramp_seconds=5.0),
    LocalTrip(failures=3),
    Options(slow_after_seconds=2.0),
    View(Circuit("payments-api")),
    Admission(Action.REFUSE, 5.0, otherwise=Admission(Action.CALL, 5.0)),
    Counted(5, 3),
]
each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


def twin_of(kind: type) -> Any:
    """The same class as `dataclasses` makes it."""
    fields = [
        (each.name, each.type, dataclasses.field(**_default(each))) for each in dataclasses.fields(kind)
    ]
    return dataclasses.make_dataclass(kind.__name__, fields, frozen=True, slots=True)


def _default(each: dataclasses.Field[Any]) -> dict[str, Any]:
    if each.default_factory is not dataclasses.MISSING:
        return {"default_factory": each.default_factory}
    return {} if each.default is dataclasses.MISSING else {"default": each.default}


@each_value
def test_it_reads_like_one_of_dataclasses(value: Any) -> None:
    """It has the same parameters, in their order, and the same repr."""
    twin = twin_of(type(value))
    theirs, ours = inspect.signature(twin), inspect.signature(type(value))
    assert list(ours.parameters) == list(theirs.parameters)
    for name, parameter in ours.parameters.items():
        assert parameter.kind is theirs.parameters[name].kind
        assert (parameter.default is parameter.empty) == (theirs.parameters[name].default is parameter.empty)
        assert parameter.annotation == theirs.parameters[name].annotation
    values = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    assert repr(value) == repr(twin(**values))
    assert type(value).__match_args__ == twin.__match_args__


@each_value
def test_it_is_frozen(value: Any) -> None:
    """No field can be set or deleted, and there is no room for another attribute."""
    name = type(value).__match_args__[0]
    for attribute in (name, "another"):
        with pytest.raises(
            AttributeError, match=f"cannot assign to field '{attribute}' of {type(value).__name__}"
        ):
            setattr(value, attribute, 1)
    with pytest.raises(AttributeError, match=f"cannot delete field '{name}'"):
        delattr(value, name)
    assert not hasattr(value, "__dict__")


@each_value
def test_it_is_equal_by_its_values(value: Any) -> None:
    """A copy, a pickled one and one with nothing replaced are equal to it; another type's value is not."""
    for same in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value)), replace(value)):
        assert same == value
        assert type(same) is type(value)
    assert value != twin_of(type(value))(*(getattr(value, name) for name in value.__match_args__))
    assert value != tuple(getattr(value, name) for name in value.__match_args__)


@each_value
def test_dataclasses_knows_it(value: Any) -> None:
    """`is_dataclass`, `fields`, `asdict` and `replace` of the standard library take it."""
    names = type(value).__match_args__
    assert all(map(dataclasses.is_dataclass, (value, type(value))))
    assert tuple(each.name for each in dataclasses.fields(value)) == names
    assert tuple(dataclasses.asdict(value)) == names
    assert dataclasses.replace(value) == value


def test_hashes_go_by_the_values() -> None:
    """What is equal has one hash; what holds something that has none has none."""
    assert len({LocalTrip(), LocalTrip(), LocalTrip(failures=3)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Circuit("payments-api"))


def test_what_is_replaced_is_checked() -> None:
    """Also by `dataclasses.replace`; a name that is no field's is an error."""
    for replaced in (replace, dataclasses.replace):
        with pytest.raises(PolicyError, match="policy permits = 0 is not allowed"):
            replaced(RecoveryPolicy(), permits=0)
        with pytest.raises(TypeError, match="unexpected keyword argument 'permit'"):
            replaced(RecoveryPolicy(), permit=3)
    assert replace(CallerPolicy(), enforce=False) == CallerPolicy(enforce=False)


def test_what_is_unpickled_is_checked() -> None:
    """A pickle that was tampered with makes no value that could not have been made."""
    pickled = pickle.dumps(LocalTrip(failures=3), protocol=0)
    assert b"I3\n" in pickled
    with pytest.raises(ValueError, match="failures = 0 is not allowed"):
        pickle.loads(pickled.replace(b"I3\n", b"I0\n"))


def test_each_value_has_a_default_of_its_own() -> None:
    """A mapping that is a default is not shared."""
    one, two = Circuit("one"), Circuit("two")
    assert one.policy == two.policy == {}
    assert one.policy is not two.policy


def test_patterns_match_it() -> None:
    """By position and by name."""
    match TRIP:
        case Trip(at_ms, 7, cause=Cause.ALARM):
            assert at_ms == 5_000
        case _:
            pytest.fail("it does not match")


def test_a_missing_argument() -> None:
    """The error names the class and the argument."""
    with pytest.raises(TypeError, match=r"Override.__new__\(\) missing 1 required .* 'at_ms'"):
        Override(State.OPEN, "ada", "INC-7")  # type: ignore[call-arg]


def test_what_dataclasses_alone_can_do_is_refused() -> None:
    """A class that is to change, or has one field only, is an error where it is defined."""
    with pytest.raises(TypeError, match="only frozen=True, slots=True is allowed"):
        dataclass(frozen=False, slots=True)
    with pytest.raises(TypeError, match="One has fewer than two fields"):

        @dataclass(frozen=True, slots=True)
        class One:
            only: int


def test_a_heir_is_of_its_own_type() -> None:
    """What inherits from one is made as itself, and is not equal to one of its parent."""

    @dataclass(frozen=True, slots=True)
    class Parent:
        name: str
        settings: Mapping[str, int] = field(default_factory=dict)

    class Heir(Parent):
        __slots__ = ()

    assert type(Heir("one")) is Heir
    assert Heir("one") == Heir("one", {})
    assert Heir("one") != Parent("one")
