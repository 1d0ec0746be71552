"""Sans-IO framing: bytes in, whole messages out.  No socket, no thread, no clock.

A message announces its length in its first eight bytes, so a peer that announces too much, or does not speak
KMIP at all, is refused before anything more of it is held.
"""

from __future__ import annotations

from typing import Final

from kmipd.protocol.limits import DEFAULT_LIMITS, Limits
from kmipd.protocol.wire import invalid, unpack_head
from kmipd.spec.errors import ProtocolError
from kmipd.spec.kinds import ItemType
from kmipd.spec.tags import Tag

_MESSAGES: Final = frozenset(tag << 8 | ItemType.STRUCTURE for tag in (Tag.REQUEST_MESSAGE, Tag.RESPONSE_MESSAGE))


class Framer:
    """Cuts a stream of bytes into messages.

        framer.receive_data(received)
        while (message := framer.next_message()) is not None:
            ...

    After an error the stream has no next message to find: every further call raises the same error.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer: bytes | bytearray = b""
        self._failed: ProtocolError | None = None

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent; nothing is looked at yet."""
        if self._buffer:
            self._buffer = bytearray(self._buffer) if isinstance(self._buffer, bytes) else self._buffer
            self._buffer += data
        else:
            self._buffer = data  # usually one whole message, which then is never copied

    def next_message(self) -> bytes | None:
        """One whole message, or None while it is not all there; ProtocolError for a stream that is no KMIP."""
        if self._failed is not None:
            raise self._failed
        buffer = self._buffer
        if not buffer:
            return None
        size = self._announced()
        if size is None or len(buffer) < size:
            return None
        if len(buffer) == size:
            self._buffer = b""
            return bytes(buffer)  # no copy when it came at once
        if isinstance(buffer, bytes):
            self._buffer = buffer = bytearray(buffer)
        message = bytes(memoryview(buffer)[:size])
        del buffer[:size]
        return message

    @property
    def pending(self) -> int:
        """Bytes held of messages not yet taken."""
        return len(self._buffer)

    @property
    def held(self) -> bytes:
        """Those bytes, for another reader to take over a stream that is no KMIP."""
        return bytes(self._buffer)

    def _announced(self) -> int | None:
        """The size of the message at the front, or None while its head is not there."""
        if len(self._buffer) < 8:
            self._check_start()
            return None
        head, length = unpack_head(self._buffer, 0)
        size = int(length) + 8
        if head not in _MESSAGES or length & 7:
            raise self._fail("this is not a KMIP message")
        if size > self._limits.message_size_max:
            raise self._fail(f"a message of {size} bytes; the limit is {self._limits.message_size_max}")
        return size

    def _check_start(self) -> None:
        # Whoever sends an HTTP request or a TLS record to the wrong port shall learn it at the first byte.
        start = bytes(self._buffer[:4])
        if not any(head.to_bytes(4, "big").startswith(start) for head in _MESSAGES):
            raise self._fail("this is not a KMIP message")

    def _fail(self, message: str) -> ProtocolError:
        self._failed = invalid(message, 0)
        return self._failed
