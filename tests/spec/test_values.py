"""Quick constructors do what those of a frozen dataclass do, and what they make is as frozen."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from kmipd.spec.values import frozen, quick, twin


@dataclass(frozen=True, slots=True)
class Plain:
    first: int
    cls: str = "hides nothing"
    self_: tuple[int, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    first: int
    cls: str = "hides nothing"
    self_: tuple[int, ...] = ()


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Quick):
    value: bytes = field(default=b"", repr=False)
    last: int


@quick
@frozen
@dataclass(slots=True, init=False, eq=False)
class Frozen:
    first: int
    cls: str = "hides nothing"
    self_: tuple[int, ...] = ()


@quick
@frozen
@dataclass(slots=True, init=False, repr=False, eq=False)
class Empty:
    pass


def test_frozen_by_shared_functions_is_the_same() -> None:
    made = Frozen(1, "a", self_=(2,))
    assert inspect.signature(Frozen) == inspect.signature(Plain)
    for change in (lambda: setattr(made, "first", 3), lambda: setattr(made, "new", 3), lambda: delattr(made, "cls")):
        with pytest.raises(FrozenInstanceError):
            change()
    assert made == replace(made, cls="a") != replace(made, first=2)
    assert made != Plain(1, "a", (2,))
    assert hash(made) == hash(replace(made))
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == copy.copy(made) == made
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_it_takes_what_the_slow_one_takes() -> None:
    for arguments, named in (((1,), {}), ((1, "a"), {"self_": (2,)}), ((), {"first": 3})):
        quickly, slowly = Quick(*arguments, **named), Plain(*arguments, **named)
        assert [getattr(quickly, n) for n in Plain.__slots__] == [getattr(slowly, n) for n in Plain.__slots__]
    assert inspect.signature(Quick) == inspect.signature(Plain)
    for wrong in (
        lambda: Quick(),
        lambda: Quick(1, "a", (), 4),
        lambda: Quick(1, none=2),
        lambda: Named(1, "a", (), b""),
    ):
        with pytest.raises(TypeError):
            wrong()


def test_what_it_makes_is_frozen_and_a_value() -> None:
    made = Named(1, value=b"secret", last=2)
    assert type(made) is Named
    assert isinstance(made, Quick)
    for change in (lambda: setattr(made, "last", 3), lambda: setattr(made, "first", 3), lambda: delattr(made, "value")):
        with pytest.raises(FrozenInstanceError):
            change()
    assert made == replace(made, value=b"secret") != replace(made, last=3)
    assert hash(made) == hash(replace(made))
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made
    assert "secret" not in repr(made)
    assert "last=2" in repr(made)


def test_a_field_with_a_factory_keeps_the_slow_constructor() -> None:
    @dataclass(frozen=True, slots=True)
    class Made:
        items: list[int] = field(default_factory=list)

    slow = Made.__init__
    assert quick(Made).__init__ is slow
    assert Made().items is not Made().items


def test_a_twin_is_not_frozen_and_not_the_class() -> None:
    thawed = object.__new__(twin(Named))
    thawed.last = thawed.first = 1
    assert not isinstance(thawed, Named)
    thawed.__class__ = Named
    with pytest.raises(FrozenInstanceError):
        thawed.last = 2
