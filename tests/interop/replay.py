"""Recorded conversations of real clients, played to a running server.

Requests go out byte for byte, except for what belongs to the recording: identifiers, ciphertext and nonces the other
server made (each becomes what ours made in the same place), and time stamps (shifted, and sent at the recorded pace
where a Locate asks for a range of dates). Each answer is paired with the recorded one, item by item.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kmipd import protocol
from kmipd.protocol import decode_item
from kmipd.spec.enumerations import Operation
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.messages import ResponseMessage
from kmipd.spec.tags import Tag
from tests.support.client import Client
from tests.support.editing import child, edited, walk
from tests.support.server import Identity, Server

CAPTURES = Path(os.environ.get("KMIPD_CAPTURES", Path(__file__).parents[2] / ".." / "shared" / "captures")).resolve()

needs_captures = pytest.mark.skipif(
    not any(CAPTURES.glob("*.hex")), reason=f"no recorded clients at {CAPTURES} (set KMIPD_CAPTURES to the directory)"
)

IDENTIFIERS = frozenset(
    {
        Tag.UNIQUE_IDENTIFIER,
        Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER,
        Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER,
        Tag.LINKED_OBJECT_IDENTIFIER,
    }
)
#: Bytes a server makes and a client sends again.
MADE = frozenset({Tag.DATA, Tag.IV_COUNTER_NONCE, Tag.AUTHENTICATED_ENCRYPTION_TAG, Tag.SIGNATURE_DATA, Tag.MAC_DATA})


@dataclass(frozen=True)
class Exchange:
    """One recorded request with its answer."""

    number: int
    connection: str
    request: bytes
    answer: bytes

    @property
    def operations(self) -> list[Operation | int]:
        return [_operation(item) for item in _items(self.request)]


@dataclass
class Recording:
    name: str
    exchanges: list[Exchange] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)  # connections, in order

    @property
    def silent(self) -> int:
        """Connections on which the client said nothing: it looked at the certificate, or tested the address."""
        return len(set(self.opened) - {exchange.connection for exchange in self.exchanges})


def recordings() -> list[str]:
    return sorted(path.stem for path in CAPTURES.glob("*.hex"))


def load(name: str) -> Recording:
    found = Recording(name)
    asked: dict[str, bytes] = {}
    for line in (CAPTURES / f"{name}.hex").read_text().splitlines():
        if line.startswith("#"):
            event = json.loads(line[1:])
            if event.get("event") == "tls":
                found.opened.append(str(event["conn"]))
            continue
        connection, direction, data = line.split()
        if direction == "C>S":
            asked[connection] = bytes.fromhex(data)
        else:
            number = len(found.exchanges) + 1
            found.exchanges.append(Exchange(number, connection, asked.pop(connection), bytes.fromhex(data)))
    assert not asked, "a request without an answer"
    return found


def _items(message: bytes) -> list[Item]:
    top = decode_item(message)
    assert isinstance(top.value, tuple)
    return [item for item in top.value if item.tag == Tag.BATCH_ITEM]


def _operation(item: Item) -> Operation | int:
    found = child(item, Tag.OPERATION)
    assert found is not None
    assert isinstance(found.value, int)
    return Operation(found.value) if found.value in Operation._value2member_map_ else found.value


def _stamp(message: bytes) -> int:
    return next(int(i.value) for i in walk(decode_item(message)) if i.tag == Tag.TIME_STAMP)  # type: ignore[arg-type]


@dataclass
class Translation:
    """What the recording calls something, and what it is here."""

    identifiers: dict[str, str] = field(default_factory=dict)
    made: dict[bytes, bytes] = field(default_factory=dict)
    given: set[bytes] = field(default_factory=set)
    registered: dict[str, Item] = field(default_factory=dict)  # our identifier: the object as the client sent it
    shift: int = 0  # seconds

    def request(self, data: bytes) -> bytes:
        locates = Operation.LOCATE in [_operation(item) for item in _items(data)]

        def translate(item: Item) -> Item:
            if item.tag in IDENTIFIERS and isinstance(item.value, str):
                return Item(item.tag, item.kind, self.identifiers.get(item.value, item.value))
            if item.tag == Tag.ATTRIBUTE:
                return self._attribute(item)
            if item.tag in MADE and isinstance(item.value, bytes):
                return Item(item.tag, item.kind, self.made.get(item.value, item.value))
            if item.kind is ItemType.DATE_TIME and (locates or item.tag == Tag.TIME_STAMP):
                return Item(item.tag, item.kind, int(item.value) + self.shift)  # type: ignore[arg-type]
            return item

        return edited(data, translate)

    def _attribute(self, item: Item) -> Item:
        """A Locate may ask for an identifier as an attribute."""
        name, value = child(item, Tag.ATTRIBUTE_NAME), child(item, Tag.ATTRIBUTE_VALUE)
        if name is None or value is None or name.value != "Unique Identifier" or not isinstance(item.value, tuple):
            return item
        uid = self.identifiers.get(str(value.value), str(value.value))
        changed = (Item(i.tag, i.kind, uid) if i.tag == Tag.ATTRIBUTE_VALUE else i for i in item.value)
        return Item(item.tag, item.kind, tuple(changed))

    def learn(self, recorded: Item, ours: Item) -> None:
        """Pair what both servers made in the same place of an answer."""
        for tag in IDENTIFIERS:
            for theirs, here in zip(_texts(recorded, tag), _texts(ours, tag), strict=False):
                self.identifiers.setdefault(theirs, here)
        if _operation(recorded) is Operation.DECRYPT:
            return  # its Data was the client's from the beginning
        for tag in MADE | {Tag.KEY_MATERIAL}:
            for old, new in zip(_bytes(recorded, tag), _bytes(ours, tag), strict=False):
                if old not in self.given:
                    self.made.setdefault(old, new)

    def remember(self, asked: Item, ours: Item) -> None:
        uid = next(_texts(ours, Tag.UNIQUE_IDENTIFIER), None)
        payload = child(asked, Tag.REQUEST_PAYLOAD)
        if _operation(asked) is Operation.REGISTER and uid is not None and payload is not None:
            assert isinstance(payload.value, tuple)
            self.registered[uid] = payload.value[-1]

    def hear(self, request: Item) -> None:
        """Remember the bytes a client brought: they are nobody's to change."""
        self.given |= {i.value for i in walk(request) if isinstance(i.value, bytes)}


def _texts(item: Item, tag: Tag) -> Iterator[str]:
    return (i.value for i in walk(item) if i.tag == tag and isinstance(i.value, str))


def _bytes(item: Item, tag: Tag) -> Iterator[bytes]:
    return (i.value for i in walk(item) if i.tag == tag and isinstance(i.value, bytes))


@dataclass(frozen=True)
class Answer:
    """One exchange played: the recorded answer, ours, and what both call things."""

    exchange: Exchange
    sent: bytes
    data: bytes
    translation: Translation

    @property
    def message(self) -> ResponseMessage:
        return protocol.read_response(self.data)

    @property
    def recorded(self) -> ResponseMessage:
        return protocol.read_response(self.exchange.answer)


def play(recording: Recording, server: Server, identity: Identity, check: Callable[[Answer], None]) -> int:
    """Play a recording and check every answer; how many messages went both ways."""
    translation = Translation(shift=int(time.time()) - _stamp(recording.exchanges[0].answer))
    paced = any(_locates_by_date(exchange.request) for exchange in recording.exchanges)
    last_use = {exchange.connection: exchange.number for exchange in recording.exchanges}
    clients: dict[str, Client] = {}
    for _ in range(recording.silent):
        Client.connect(server, identity).close()
    with ExitStack() as stack:
        for exchange in recording.exchanges:
            if exchange.connection not in clients:
                clients[exchange.connection] = stack.enter_context(Client.connect(server, identity))
            if paced:
                _wait_until(_stamp(exchange.answer) + translation.shift)
            translation.hear(decode_item(exchange.request))
            sent = translation.request(exchange.request)
            data = clients[exchange.connection].exchange(sent)
            answer = Answer(exchange, sent, data, translation)
            for recorded, ours in zip(_items(exchange.answer), _items(data), strict=False):
                if child(recorded, Tag.OPERATION) == child(ours, Tag.OPERATION) is not None:
                    translation.learn(recorded, ours)
            for asked, ours in zip(_items(sent), _items(data), strict=False):
                translation.remember(asked, ours)
            check(answer)
            if last_use[exchange.connection] == exchange.number:
                clients[exchange.connection].close()
    return 2 * len(recording.exchanges)


def _locates_by_date(request: bytes) -> bool:
    dated = any(i.kind is ItemType.DATE_TIME and i.tag != Tag.TIME_STAMP for i in walk(decode_item(request)))
    return dated and Operation.LOCATE in [_operation(item) for item in _items(request)]


def _wait_until(second: int) -> None:
    time.sleep(max(0.0, second + 0.1 - time.time()))
