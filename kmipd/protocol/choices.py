"""The ways a field can have more than one form, each a table compiled by `schema`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kmipd.protocol.plan import Field
from kmipd.spec.errors import NotInVersion


class ByKind:
    """The item type on the wire, the Python type in memory: Text String or Enumeration or Integer."""

    def __init__(self, tag: int, forms: Mapping[int, Field], types: Mapping[type, Field], other: Field | None) -> None:
        self._tag = tag
        self._forms = forms  # by head
        self.by_head: Mapping[int, Field] | None = forms if other is None else None
        self._types = types
        self.by_type: Mapping[type, Field] | None = types
        self._other = other  # for an item type that has no form of its own

    def to_read(self, head: int, _values: Sequence[Any]) -> Field | None:
        form = self._forms.get(head)
        return self._other if form is None and head >> 8 == self._tag else form

    def to_write(self, value: Any, _values: tuple[Any, ...]) -> Field:
        return _of(self._types, value)


class ByTag:
    """The tag says which structure it is: the managed object of a payload."""

    def __init__(self, forms: Mapping[int, Field], types: Mapping[type, Field]) -> None:
        self._forms = forms
        self.by_head: Mapping[int, Field] | None = forms
        self._types = types
        self.by_type: Mapping[type, Field] | None = types

    def to_read(self, head: int, _values: Sequence[Any]) -> Field | None:
        return self._forms.get(head)

    def to_write(self, value: Any, _values: tuple[Any, ...]) -> Field:
        return _of(self._types, value)


class ByEarlierField:
    """The value of an earlier field says what this one is."""

    def __init__(
        self, on: int, forms: Mapping[Any, Field], other: Field | None, refused: Mapping[Any, str], stray: type | None
    ) -> None:
        self.by_head: Mapping[int, Field] | None = None
        self.by_type: Mapping[type, Field] | None = None
        self._on = on
        self._forms = forms
        self._other = other
        self._refused = refused  # values that the version has no words for, with what to say
        self._stray = stray  # values of this type are written by `other` whatever the earlier field says

    def to_read(self, head: int, values: Sequence[Any]) -> Field | None:
        form = self._forms.get(values[self._on], self._other)
        if form is None or form.head == head:
            return form
        return form.choice.to_read(head, values) if form.choice is not None else None

    def to_write(self, value: Any, values: tuple[Any, ...]) -> Field:
        key = values[self._on]
        if key in self._refused:
            raise NotInVersion(self._refused[key])
        form = self._forms.get(key, self._other)
        if self._other is not None and type(value) is self._stray:
            form = self._other
        if form is None:
            raise TypeError(f"no form for {type(value).__name__} under {key!r}")
        return form if form.choice is None else form.choice.to_write(value, values)


class Anything:
    """Whatever is there."""

    def __init__(self, form: Field) -> None:
        self.by_head: Mapping[int, Field] | None = None
        self.by_type: Mapping[type, Field] | None = None
        self._form = form

    def to_read(self, _head: int, _values: Sequence[Any]) -> Field | None:
        return self._form

    def to_write(self, _value: Any, _values: tuple[Any, ...]) -> Field:
        return self._form


class Attribute:
    """One attribute of 2.x under its own tag, typed by the table of attributes."""

    def __init__(
        self,
        forms: Mapping[int, Field],
        known: frozenset[int],
        fields: Mapping[int, Field],
        unknown: Field,
        refused: Callable[[int], bool],
    ) -> None:
        self.by_head: Mapping[int, Field] | None = None
        self.by_type: Mapping[type, Field] | None = None
        self._forms = forms  # by head
        self._known = known  # tags with a form: another item type under them is an error
        self._fields = fields  # by tag, for writing
        self._unknown = unknown
        self._refused = refused

    def to_read(self, head: int, _values: Sequence[Any]) -> Field | None:
        form = self._forms.get(head)
        return form if form is not None or head >> 8 in self._known else self._unknown

    def to_write(self, value: Any, _values: tuple[Any, ...]) -> Field:
        if self._refused(value.tag):
            raise NotInVersion(f"this version has no attribute {getattr(value.tag, 'name', value.tag)}")
        return self._fields.get(value.tag, self._unknown)


def _of(types: Mapping[type, Field], value: Any) -> Field:
    form = types.get(type(value))
    if form is None:
        raise NotInVersion(f"this version has no place for {type(value).__name__}")
    return form
