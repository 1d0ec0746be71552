"""Whether an answer is the one a test case expects, under the "Permitted Test Case Variations" of the profiles.

Result Status and Result Reason, the presence of a payload, the structure of objects, registered bytes and fixed results
are never variable. What is: the identifiers and bytes a server makes up, dates nobody asked for, a longer list than
expected, and the order within lists of attributes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kmipd.spec.enumerations import Operation
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.names import tag_name, title
from kmipd.spec.tags import Tag
from tests.support.editing import child, walk


@dataclass(frozen=True)
class Unknown:
    """A "$NAME" of an expected answer."""

    name: str


#: Ignored wherever they are: free text, and what the server says of itself.
IGNORED = frozenset({Tag.RESULT_MESSAGE, Tag.SERVER_CORRELATION_VALUE, Tag.CLIENT_CORRELATION_VALUE, Tag.TIME_STAMP})
#: May be there or not, on either side.
OPTIONAL = frozenset(
    {Tag.LOCATED_ITEMS, Tag.TEMPLATE_ATTRIBUTE, Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE}
    | {Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE}
)
#: Present, but with contents of the server's own.
OWN_CONTENTS = frozenset(
    # The output of C_GetInfo, the one PKCS#11 function with output in the cases, names the maker of the server.
    {
        Tag.PKCS_11_OUTPUT_PARAMETERS,
        Tag.SERVER_INFORMATION,
        Tag.VENDOR_IDENTIFICATION,
        Tag.RANDOM_NUMBER_GENERATOR,
        Tag.RNG_PARAMETERS,
        Tag.DIGEST,
    }
)
#: The same as attributes of 2.x: where the server keeps a key, and in which format it would give it.
OWN_TAGS = frozenset({Tag.PROTECTION_STORAGE_MASK, Tag.KEY_FORMAT_TYPE, Tag.LEASE_TIME})
OWN_ATTRIBUTES = frozenset({"Digest", "Random Number Generator", "Lease Time"})
#: Answers that are lists: longer ones are as good, in any order.
LISTS = frozenset(
    {Operation.QUERY, Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST, Operation.DISCOVER_VERSIONS}
)
IDENTIFIERS = frozenset({Tag.UNIQUE_IDENTIFIER, Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER, Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER})
MADE_UP = frozenset(b"\x2a")  # the test cases show a generated key as 2a2a2a…


#: Bytes that depend on a key; with one the server made they are variable.
OF_THE_KEY = frozenset({Tag.KEY_MATERIAL, Tag.DATA, Tag.SIGNATURE_DATA, Tag.MAC_DATA, Tag.IV_COUNTER_NONCE})
MAKING = frozenset(
    {
        Operation.CREATE,
        Operation.CREATE_KEY_PAIR,
        Operation.RE_KEY,
        Operation.RE_KEY_KEY_PAIR,
        Operation.CREATE_SPLIT_KEY,
    }
)


@dataclass
class Knowledge:
    """What the variables of a case stand for, which dates its requests fixed, and which keys the server made."""

    values: dict[str, Any] = field(default_factory=dict)
    seed: uuid.UUID = field(default_factory=uuid.uuid4)  # of the identifiers that the runner makes up for this case
    dates: set[int] = field(default_factory=set)
    generated: set[str] = field(default_factory=set)  # identifiers
    instead: dict[bytes, bytes] = field(default_factory=dict)  # a fixed result of the case: what it is here
    own: frozenset[int] = frozenset()  # tags whose values in this case are another server's policy
    shapes: frozenset[int] = frozenset()  # tags of what another server says of itself: compared by shape
    passing: bool = False  # dates pass between two steps of this case
    filled: bool = False  # what Locate finds was made by the server, which fills the group
    random: bool = False  # the results of this case are random by nature
    of_generated: bool = False  # the batch item being compared is about a key the server made

    def bind(self, name: str, value: Any) -> bool:
        """Whether the value may stand here; "$NOW" and correlation values are new every time."""
        if name.startswith("NOW") or "CORRELATION" in name:
            self.values[name] = value
            return True
        return bool(self.values.setdefault(name, value) == value)


def differences(expected: Item, ours: Item, known: Knowledge) -> Iterator[str]:
    """What is wrong with a Response Message, item by item."""
    yield from _header(expected, ours)
    wanted, given = _items(expected), _items(ours)
    if len(wanted) != len(given):
        yield f"{len(given)} batch items instead of {len(wanted)}"
    for number, (one, other) in enumerate(zip(wanted, given, strict=False)):
        for problem in _batch_item(one, other, known):
            yield f"item {number}: {problem}"


def told_differences(expected: Item, ours: Item, known: Knowledge) -> Iterator[str]:
    """What is wrong with a Request Message of the server: Put and Notify list attributes as Get Attributes does."""
    yield from _header(expected, ours)
    for one, other in zip(_items(expected), _items(ours), strict=True):
        pair = [getattr(child(item, Tag.OPERATION), "value", None) for item in (one, other)]
        payloads = [child(item, Tag.REQUEST_PAYLOAD) for item in (one, other)]
        if pair[0] != pair[1] or payloads[0] is None or payloads[1] is None:
            yield f"Operation is {pair[1]}, expected {pair[0]}"
            return
        known.of_generated = True
        yield from _superset(payloads[0], payloads[1], known, "")


def _header(expected: Item, ours: Item) -> Iterator[str]:
    for tag in (Tag.PROTOCOL_VERSION_MAJOR, Tag.PROTOCOL_VERSION_MINOR):
        pair = [next((i.value for i in walk(message) if i.tag == tag), None) for message in (expected, ours)]
        if pair[0] != pair[1]:
            yield f"{tag_name(tag)} is {pair[1]}, expected {pair[0]}"


def _items(message: Item) -> list[Item]:
    assert isinstance(message.value, tuple)
    return [item for item in message.value if item.tag == Tag.BATCH_ITEM]


def _batch_item(expected: Item, ours: Item, known: Knowledge) -> Iterator[str]:
    for tag in (Tag.OPERATION, Tag.UNIQUE_BATCH_ITEM_ID, Tag.RESULT_STATUS, Tag.RESULT_REASON):
        pair = [getattr(child(item, tag), "value", None) for item in (expected, ours)]
        if pair[0] != pair[1]:
            message = getattr(child(ours, Tag.RESULT_MESSAGE), "value", "")
            yield f"{tag_name(tag)} is {pair[1]}, expected {pair[0]}: {message}"
            return
    correlations = [child(item, Tag.ASYNCHRONOUS_CORRELATION_VALUE) for item in (expected, ours)]
    if correlations[0] is not None and correlations[1] is not None:
        known.bind(str(getattr(correlations[0].value, "name", "")), correlations[1].value)
    elif correlations[0] is not correlations[1]:
        yield "an Asynchronous Correlation Value on one side only"
    payloads = [child(item, Tag.RESPONSE_PAYLOAD) for item in (expected, ours)]
    if payloads[0] is None or payloads[1] is None:
        if payloads[0] is not payloads[1] and _children(payloads[0] or payloads[1]):
            yield "a payload where none is expected" if payloads[0] is None else "no payload"
        return
    operation = getattr(child(expected, Tag.OPERATION), "value", None)
    uids = {i.value for i in walk(payloads[1]) if i.tag in IDENTIFIERS and isinstance(i.value, str)}
    derived = operation == Operation.DERIVE_KEY and bool(known.generated)
    if operation in MAKING or derived or (known.filled and operation == Operation.LOCATE):
        known.generated |= uids
    known.of_generated = known.random or bool(uids & known.generated)
    if operation in LISTS:
        yield from _superset(payloads[0], payloads[1], known, "")
    else:
        yield from _structure(payloads[0], payloads[1], known, "")


def _children(item: Item | None, own: frozenset[int] = frozenset()) -> list[Item]:
    if item is None or not isinstance(item.value, tuple):
        return []
    return [
        one for one in item.value if one.tag not in IGNORED and one.tag not in OPTIONAL and not _free_index(one, own)
    ]


def _free_index(item: Item, own: frozenset[int]) -> bool:
    return item.tag == Tag.ATTRIBUTE_INDEX and (item.value == 0 or item.tag in own)


def _structure(expected: Item, ours: Item, known: Knowledge, path: str) -> Iterator[str]:
    """The same fields in the same order."""
    wanted, given = _children(expected, known.own), _children(ours, known.own)
    if [i.tag for i in wanted] != [i.tag for i in given]:
        yield f"{path} has {_tags(given)}, expected {_tags(wanted)}"
        return
    for one, other in zip(wanted, given, strict=True):
        yield from _item(one, other, known, f"{path}/{_name(one)}")


def _superset(expected: Item, ours: Item, known: Knowledge, path: str) -> Iterator[str]:
    """Everything expected is there, whatever else is."""
    left = _children(ours, known.own)
    for one in _children(expected, known.own):
        if one.tag in known.shapes:
            yield from _shaped(one, left, path)
            continue
        same = [other for other in left if other.tag == one.tag]
        if one.tag == Tag.ATTRIBUTES and len(same) == 1:
            yield from _superset(one, same[0], known, f"{path}/{_name(one)}")
            continue
        for other in left:
            trial = replace(known, values=dict(known.values))
            if other.tag == one.tag and not list(_item(one, other, trial, path)):
                known.values = trial.values
                left.remove(other)
                break
        else:
            yield f"{path} lacks {_shown(one)}; has {', '.join(_shown(i) for i in left if i.tag == one.tag)[:500]}"


def _shaped(expected: Item, ours: list[Item], path: str) -> Iterator[str]:
    """We say something of the kind, and of everything in it that the case has a word for."""
    alike = [item for item in ours if item.tag == expected.tag]
    if not alike:
        yield f"{path} lacks {_name(expected)}"
    if expected.tag == Tag.CAPABILITY_INFORMATION:
        missing = {i.tag for i in _children(expected)} - {i.tag for i in _children(alike[0])} if alike else set()
        if missing:
            yield f"{path}/{_name(expected)} lacks {' '.join(tag_name(Tag(t)) for t in missing)}"


def _item(expected: Item, ours: Item, known: Knowledge, path: str) -> Iterator[str]:
    if expected.tag == Tag.KEY_MATERIAL and known.of_generated and expected.kind is ItemType.STRUCTURE:
        if _tags(_children(expected, known.own)) != _tags(_children(ours, known.own)):
            yield f"{path} has {_tags(_children(ours, known.own))}, expected {_tags(_children(expected, known.own))}"
    elif expected.kind is not ours.kind:
        yield f"{path} is a {ours.kind.name}, expected {expected.kind.name}"
    elif expected.tag in OWN_CONTENTS or _own_attribute(expected, ours, path, known):
        return
    elif expected.kind is ItemType.STRUCTURE:
        compare = _superset if expected.tag == Tag.ATTRIBUTES else _structure
        yield from compare(expected, ours, known, path)
    elif not _same(expected, ours, known):
        yield f"{path} is {_value(ours)}, expected {_value(expected)}"


def _own_attribute(expected: Item, ours: Item, path: str, known: Knowledge) -> bool:
    if expected.tag in OWN_TAGS and "/Attributes" in path:
        return True
    if expected.tag != Tag.ATTRIBUTE:
        return False
    names = [getattr(child(item, Tag.ATTRIBUTE_NAME), "value", None) for item in (expected, ours)]
    free = OWN_ATTRIBUTES | {title(Tag(tag)) for tag in known.own if tag != Tag.ATTRIBUTE_INDEX}
    return names[0] == names[1] and names[0] in free


def _same(expected: Item, ours: Item, known: Knowledge) -> bool:
    if isinstance(expected.value, Unknown):
        return known.bind(expected.value.name, ours.value)
    if expected.tag in known.own or expected.tag == Tag.ASYNCHRONOUS_CORRELATION_VALUE:
        return True
    if expected.kind in (ItemType.DATE_TIME, ItemType.DATE_TIME_EXTENDED):
        return expected.value == ours.value or expected.value not in known.dates
    if isinstance(expected.value, bytes) and isinstance(ours.value, bytes):
        return _same_bytes(expected.tag, expected.value, ours.value, known)
    return expected.value == ours.value


def _same_bytes(tag: int, expected: bytes, ours: bytes, known: Knowledge) -> bool:
    if expected == ours:
        return True
    if frozenset(expected) == MADE_UP or (known.of_generated and tag in OF_THE_KEY):
        # The encoding of an RSA key is a few bytes longer or shorter.
        alike = abs(len(expected) - len(ours)) <= (8 if len(expected) > 64 else 0)
        return alike and known.instead.setdefault(expected, ours) == ours
    return known.instead.get(expected) == ours


def _name(item: Item) -> str:
    return tag_name(Tag(item.tag)) if item.tag in Tag._value2member_map_ else f"{item.tag:06X}"


def _tags(items: list[Item]) -> str:
    return "(" + " ".join(map(_name, items)) + ")"


def _value(item: Item) -> str:
    return item.value.hex() if isinstance(item.value, bytes) else repr(item.value)


def _shown(item: Item) -> str:
    if isinstance(item.value, tuple):
        return f"{_name(item)}({' '.join(map(_shown, item.value))})"
    return f"{_name(item)}={_value(item)}"
