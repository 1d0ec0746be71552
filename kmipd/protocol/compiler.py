"""From declarations to plans.

A version decides three things: which fields exist, what the tables list (attributes, operations, object
types), and which values may be written.  Reading is generous: every enumeration member of any version is
understood, so only the writer looks at `refused`.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from enum import IntEnum, IntFlag
from typing import Any

from kmipd.protocol import annotations as hints
from kmipd.protocol import forms, reading, unrolled, writing
from kmipd.protocol.building import bounded_mask, builder, taker
from kmipd.protocol.choices import Anything, Attribute, ByEarlierField, ByKind, ByTag
from kmipd.protocol.plan import Field, Plan
from kmipd.spec import attributes as a
from kmipd.spec import declare as d
from kmipd.spec.history import in_version, introduced
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.operations import IN_ANY_VERSION
from kmipd.spec.payloads import Undecodable
from kmipd.spec.tags import Tag
from kmipd.spec.versions import Version

_SCALARS = {
    bool: ItemType.BOOLEAN,
    int: ItemType.INTEGER,
    str: ItemType.TEXT_STRING,
    bytes: ItemType.BYTE_STRING,
}


class Compiler:
    """Makes the plan of one structure and of all it holds."""

    def __init__(self, version: Version | None, lenient: bool, plans: Mapping[Any, Plan]) -> None:
        self.version = version
        self.plans: dict[Any, Plan] = dict(plans)
        self._lenient = lenient

    def plan(self, cls: type, narrowed: tuple[str, Any] | None = None) -> Plan:
        """The plan of a structure; `narrowed` types one of its fields more closely."""
        key = (cls, narrowed)
        if key not in self.plans:
            plan = self.plans[key] = Plan(cls.__name__)  # known before it is filled: declarations may recurse
            self._fill(plan, cls, narrowed)
            unrolled.prepare(plan)
        return self.plans[key]

    def _fill(self, plan: Plan, cls: type, narrowed: tuple[str, Any] | None) -> None:
        if cls is a.AttributeItem:
            # The structure around one attribute is nothing in memory.
            plan.complete((self._attribute_field("attribute"),))
            plan.build = lambda item: item
            plan.take = lambda item: (item,)
            return
        declared = d.hints(cls)
        if narrowed is not None:
            declared = declared | {narrowed[0]: narrowed[1]}
        present = [name for name, hint in declared.items() if self._has(hint)]
        absent = [name for name in declared if name not in present]
        plan.complete(tuple(self._field(cls, name, declared[name], present) for name in present))
        empties = {name: () if typing.get_origin(hints.bare(declared[name])) is tuple else None for name in absent}
        plan.build = builder(cls, present, empties)
        plan.take = taker(present)
        if absent and not self._lenient:
            plan.absent = functools.partial(_first_set, tuple(absent))

    def _has(self, hint: Any) -> bool:
        """Whether the version has the field."""
        if self.version is None:
            return True
        for mark in hints.marks(hint):
            if isinstance(mark, d.Since) and self.version < mark.version:
                return False
            if isinstance(mark, d.Until) and self.version > mark.version:
                return False
        return True

    # --- one field ----------------------------------------------------------------------------------

    def _field(self, cls: type, name: str, hint: Any, names: list[str]) -> Field:
        marks = hints.marks(hint)
        bare = hints.bare(hint)
        required, many = True, False
        options = typing.get_args(bare) if hints.is_union(bare) else (bare,)
        if type(None) in options:
            required = d.NEEDED in marks and self.version is not None
            options = tuple(option for option in options if option is not type(None))
        if typing.get_origin(bare) is tuple:
            options, required, many = (typing.get_args(bare)[0],), False, True
        field = self._form(cls, name, hints.union(options), marks, names)
        field.required, field.many = required, many
        field.empty = () if many else None
        field.droppable = self._lenient and d.ESSENTIAL not in marks and (many or not required)
        if field.plan is not None and not many:
            field.droppable = False  # an optional structure is not a word that can be missing
        if d.ECHOED in marks:
            field.refused = frozenset()
        if d.ATTRIBUTE_NAMES in marks:
            field.refused = self._refused_names
        return field

    def _form(self, cls: type, name: str, hint: Any, marks: tuple[Any, ...], names: list[str]) -> Field:
        if cls is a.Attributes:
            return self._attribute_field(name)
        if d.REST in marks:
            field = forms.anything(name)
            return forms.choosing(name, 0, Anything(field))
        tag = next((mark.tag for mark in marks if isinstance(mark, d.Tagged)), None)
        if tag is None:
            tag = Tag.__members__.get(name.upper(), Tag.ATTRIBUTE)
        for mark in marks:
            if isinstance(mark, d.Cases):
                return self._cases(name, tag, mark, marks, names)
            if isinstance(mark, d.Inner):
                return self._inner(name, tag, hint, mark, names)
        kind = next((mark for mark in marks if isinstance(mark, ItemType)), None)
        return self._typed(name, tag, hint if kind is None else typing.Annotated[hint, kind])

    def _typed(self, name: str, tag: int, hint: Any) -> Field:
        """A field of one annotation: a scalar, an enumeration, a mask, a structure, an Item or a union."""
        marks, bare = hints.marks(hint), hints.bare(hint)
        if hints.is_union(bare):
            return self._kinds_union(name, tag, typing.get_args(bare))
        forced = next((mark for mark in marks if isinstance(mark, ItemType)), None)
        if bare is Item or bare is object:
            field = forms.anything(name, tag)
            return forms.choosing(name, tag, ByKind(tag, {}, {Item: field}, field))
        if forced is not None or bare in _SCALARS:
            kind = _SCALARS[bare] if forced is None else forced
            return forms.scalar(name, tag, kind)
        if issubclass(bare, IntFlag):
            return self._mask(name, tag, bare)
        if issubclass(bare, IntEnum):
            return self._enumeration(name, tag, bare)
        field = Field(name, tag, ItemType.STRUCTURE, reading.structure_reader, writing.structure_writer)
        field.plan = field.plain = field.structure = self.plan(bare)
        return field

    def _enumeration(self, name: str, tag: int, cls: type[IntEnum]) -> Field:
        members = {member.value: member for member in cls}
        field = forms.scalar(name, tag, ItemType.ENUMERATION, reading.open_enumeration(members))
        field.members, field.open = members, True
        if self.version is not None:
            field.refused = frozenset(member for member in cls if self._refused(member))
        return field

    def _mask(self, name: str, tag: int, cls: type[IntFlag]) -> Field:
        # Bits 2.0 reserved again are still said: they are what the object was given in 1.x.
        newer = 0 if self.version is None else sum(bit for bit in cls if introduced(bit) > self.version)
        read = reading.mask(bounded_mask(cls))
        return forms.scalar(name, tag, ItemType.INTEGER, read, writing.mask_writer(newer))

    def _refused(self, member: IntEnum) -> bool:
        assert self.version is not None
        if not in_version(member, self.version):
            return True
        rule = a.ATTRIBUTES.get(member) if isinstance(member, Tag) else None
        return rule is not None and not rule.in_version(self.version)

    @property
    def _refused_names(self) -> frozenset[str]:
        version = self.version
        if version is None:
            return frozenset()
        return frozenset(rule.name for rule in a.ATTRIBUTES.values() if not rule.in_version(version))

    # --- fields with more than one form -------------------------------------------------------------

    def _kinds_union(self, name: str, tag: int, options: tuple[Any, ...]) -> Field:
        if any(isinstance(mark, d.Tagged) for option in options for mark in hints.marks(option)):
            return self._tagged_union(name, options)
        by_head: dict[int, Field] = {}
        by_type: dict[type, Field] = {}
        other: Field | None = None
        several = len([option for option in options if hints.is_structure(option)]) > 1
        for option in options:
            if option is Item:
                other = by_type[Item] = forms.anything(name, tag)
                continue
            field = self._typed(name, tag, option)
            by_type[hints.bare(option)] = field
            if not (several and hints.is_structure(option)):  # only an earlier field could tell them apart
                by_head[field.head] = field
        numbers = int in by_type
        for cls, field in list(by_type.items()):
            if issubclass(cls, IntEnum):
                if numbers:
                    field.scalar, field.open = reading.closed_enumeration(field.members), False
                else:
                    by_type[int] = field
        return forms.choosing(name, tag, ByKind(tag, by_head, by_type, other))

    def _tagged_union(self, name: str, options: tuple[Any, ...]) -> Field:
        by_head: dict[int, Field] = {}
        by_type: dict[type, Field] = {}
        for option in options:
            if self._has(option):
                tag = next(mark.tag for mark in hints.marks(option) if isinstance(mark, d.Tagged))
                field = self._typed(tag.name.lower(), tag, hints.bare(option))
                by_head[field.head] = by_type[hints.bare(option)] = field
        return forms.choosing(name, 0, ByTag(by_head, by_type))

    def _cases(self, name: str, tag: int, mark: d.Cases, marks: tuple[Any, ...], names: list[str]) -> Field:
        on = names.index(mark.on)
        contain = _contain if d.CONTAINED in marks else None
        refused: dict[Any, str] = {}
        if mark.on == "attribute_name":
            refused = {key: f'this version has no attribute "{key}"' for key in self._refused_names}
        elif mark.on == "operation" and self.version is not None:
            younger = [key for key in mark.types if self._refused(key) and key not in IN_ANY_VERSION]
            refused = {key: f"this version has no {key!r}" for key in younger}
        by_key = {key: self._contained(self._typed(name, tag, hint), contain) for key, hint in mark.types.items()}
        if mark.otherwise is None:
            return forms.choosing(name, tag, ByEarlierField(on, by_key, None, refused, None))
        other = self._contained(self._typed(name, tag, mark.otherwise), contain)
        return forms.choosing(name, tag, ByEarlierField(on, by_key, other, refused, mark.otherwise))

    def _contained(self, field: Field, contain: Any) -> Field:
        if contain is not None:
            field.contain = contain
            field.plain = None
            field.read = reading.contained_reader
        return field

    def _inner(self, name: str, tag: int, hint: Any, mark: d.Inner, names: list[str]) -> Field:
        options = typing.get_args(hints.bare(hint))
        structure = next(option for option in options if hints.is_structure(option))

        def form(narrowed: tuple[str, Any] | None) -> Field:
            field = Field(name, tag, ItemType.STRUCTURE, reading.structure_reader, writing.structure_writer)
            field.plan = field.plain = field.structure = self.plan(structure, narrowed)
            others = {option: self._typed(name, tag, option) for option in options if option is not structure}
            by_head = {other.head: other for other in others.values()}
            choice = ByKind(tag, {field.head: field, **by_head}, {structure: field, **others}, None)
            return forms.choosing(name, tag, choice)

        by_key = {key: form((mark.field, hints.union((bytes, cls)))) for key, cls in mark.types.items()}
        return forms.choosing(name, tag, ByEarlierField(names.index(mark.on), by_key, form(None), {}, None))

    # --- attributes under their tags ----------------------------------------------------------------

    def _attribute_field(self, name: str) -> Field:
        return forms.choosing(name, 0, self._attributes)

    @functools.cached_property
    def _attributes(self) -> Attribute:
        version = self.version
        known = {
            tag: rule.type for tag, rule in a.ATTRIBUTES.items() if version is None or rule.in_version(version)
        } | {Tag.ATTRIBUTE: a.VendorAttribute}
        by_head: dict[int, Field] = {}
        fields: dict[int, Field] = {}
        for tag, hint in known.items():
            value = self._typed(tag.name.lower(), tag, hint)
            value.droppable = False
            fields[tag] = forms.attribute_form(value, reading.attribute_reader, writing.attribute_writer)
            kinds = [value] if value.choice is None else self._kinds(tag, hint)
            for kind in kinds:
                by_head[kind.head] = forms.attribute_form(kind, reading.attribute_reader, writing.attribute_writer)
        unknown = forms.attribute_form(
            forms.anything("attribute"), reading.unknown_attribute_reader, writing.unknown_attribute_writer
        )
        gone = frozenset(a.ATTRIBUTES) - frozenset(known)
        return Attribute(by_head, frozenset(known), fields, unknown, gone.__contains__)

    def _kinds(self, tag: Tag, hint: Any) -> list[Field]:
        numbers = int in typing.get_args(hint)
        found = [self._typed(tag.name.lower(), tag, option) for option in typing.get_args(hint)]
        for field in found:
            if field.members and numbers:
                field.scalar, field.open = reading.closed_enumeration(field.members), False
        return found


def _contain(error: Any) -> Undecodable:
    return Undecodable(error=error)


def _first_set(names: tuple[str, ...], value: object) -> str | None:
    return next((name for name in names if getattr(value, name) not in (None, ())), None)
