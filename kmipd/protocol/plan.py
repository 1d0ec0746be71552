"""A declaration compiled for one protocol version.

A `Plan` is a structure, a `Field` one row of its table; a Field knows how its own value is read and
written.  `schema` makes them, `reading` and `writing` run them; none of the three knows KMIP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from kmipd.protocol.limits import Limits
from kmipd.spec.errors import ProtocolError

Reader = Callable[["Field", bytes, int, int, int, Limits], Any]
Writer = Callable[["Field", Any, bytearray], None]
Scalar = Callable[[bytes, int, int], Any]
Put = Callable[[int, Any, bytearray], None]


class Choice(Protocol):
    """Decides which of several forms a field has."""

    by_head: Mapping[int, Field] | None  # where `to_read` is nothing but a look-up in this table
    by_type: Mapping[type, Field] | None  # the same for `to_write`

    def to_read(self, head: int, values: Sequence[Any]) -> Field | None:
        """The form that `head` announces, or None when the field is not there."""

    def to_write(self, value: Any, values: tuple[Any, ...]) -> Field:
        """The form for `value`; raises NotInVersion when the version has none."""


class Field:
    """One row of a structure's table."""

    __slots__ = (
        "choice",
        "contain",
        "droppable",
        "empty",
        "head",
        "many",
        "members",
        "name",
        "open",
        "plain",
        "plan",
        "put",
        "read",
        "refused",
        "required",
        "scalar",
        "structure",
        "tag",
        "write",
    )

    def __init__(self, name: str, tag: int, kind: int, read: Reader, write: Writer) -> None:
        self.name = name
        self.tag = tag
        self.head = tag << 8 | kind
        self.read = read
        self.write = write
        #: How a value that is no structure is read and written: nothing but place, length and head matter.
        self.scalar: Scalar | None = None
        self.put: Put | None = None
        self.required = True
        self.many = False
        self.empty: Any = None
        self.choice: Choice | None = None
        self.plan: Plan | None = None
        #: The same plan, where reading the structure is all there is to do.
        self.plain: Plan | None = None
        #: The same plan, where that is all there is to do as long as nothing goes wrong.
        self.structure: Plan | None = None
        #: Enumeration members by number.
        self.members: Mapping[int, Any] = {}
        #: Whether a number without a member is kept.
        self.open = False
        #: Values the version has no word for.
        self.refused: frozenset[Any] = frozenset()
        #: Whether such a value, or an element holding one, is left out.
        self.droppable = False
        #: What to keep in place of a value that cannot be read.
        self.contain: Callable[[ProtocolError], Any] | None = None


def _nothing(*_arguments: Any) -> Any:
    raise NotImplementedError


class Plan:
    """One structure's table, compiled for one protocol version."""

    __slots__ = ("absent", "build", "empties", "fields", "name", "next_required", "places", "read", "take", "write")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: tuple[Field, ...] = ()
        #: The field of a head, for fields of one form.
        self.places: dict[int, int] = {}
        #: For every place, and the end, the first required field from there on.
        self.next_required: list[int] = [0]
        self.empties: list[Any] = []
        self.build: Callable[..., Any] = dict
        self.take: Callable[[Any], tuple[Any, ...]] = tuple
        #: Says which field the version lacks has a value, where that is to be refused.
        self.absent: Callable[[Any], str | None] | None = None
        #: The plan as code (see `unrolled`).
        self.read: Callable[..., Any] = _nothing
        self.write: Callable[..., None] = _nothing

    def complete(self, fields: tuple[Field, ...]) -> None:
        """Take the fields, and make the tables that follow from them."""
        self.fields = fields
        self.places = {field.head: place for place, field in enumerate(fields) if field.choice is None}
        self.empties = [field.empty for field in fields]
        following = len(fields)
        self.next_required = [following] * (following + 1)
        for place in reversed(range(following)):
            following = place if fields[place].required else following
            self.next_required[place] = following
