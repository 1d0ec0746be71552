"""One connection to one host of a key server, and the KMIP operations that a storage cluster needs."""

from __future__ import annotations

import os
import ssl
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kmipd.cluster.clock import Deadline
from kmipd.cluster.kmip.failures import Kind, KmipFailure
from kmipd.cluster.kmip.pykmip import (
    AttributeFactory,
    BytearrayStream,
    KMIPProxy,
    SymmetricKey,
    attributes,
    enums,
    misc,
    objects,
)
from kmipd.cluster.kmip.tls import explain
from kmipd.cluster.secret import Secret

_HEADER = struct.Struct("!4xI")
KEY_BITS = 256
T = TypeVar("T")
GONE = frozenset({"ITEM_NOT_FOUND", "OBJECT_DESTROYED"})  # reasons that mean: there is no such key, or no more
DEAD_STATES = frozenset({"DESTROYED", "DESTROYED_COMPROMISED"})


class TooLarge(Exception):
    """The server announces a message that no key needs."""


class Wire:
    """What PyKMIP calls a protocol: whole messages in and out, against one deadline and one bound."""

    def __init__(self, sock: ssl.SSLSocket, deadline: Deadline, max_message: int) -> None:
        self._socket, self._deadline, self._max = sock, deadline, max_message

    def write(self, data: bytes) -> None:
        self._socket.settimeout(max(self._deadline.left, 0.001))
        self._socket.sendall(bytes(data))

    def read(self) -> Any:
        header = self._receive(8)
        (length,) = _HEADER.unpack(header)
        if length > self._max:
            raise TooLarge
        return BytearrayStream(header + self._receive(length))

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._socket.settimeout(max(self._deadline.left, 0.001))  # each piece: a trickle does not extend it
            piece = self._socket.recv(size - len(parts))
            if not piece:
                raise EOFError("the connection was closed")
            parts += piece
            if self._deadline.spent:
                raise TimeoutError
        return bytes(parts)


class Session:
    """The operations. Each raises KmipFailure and nothing else."""

    def __init__(self, host: str, sock: ssl.SSLSocket, deadline: Deadline, max_message: int) -> None:
        self.host, self._socket = host, sock
        # devnull: PyKMIP would read files in the home directory and in /etc, and take passwords from them.
        self._proxy = KMIPProxy(host=host, config_file=os.devnull)
        self._proxy.protocol = Wire(sock, deadline, max_message)
        self._first = True

    def close(self) -> None:
        self._socket.close()

    def set_version(self, version: str) -> None:
        """Speak this version, such as "1.4", from now on."""
        self._proxy.kmip_version = enums.KMIPVersion[f"KMIP_{version.replace('.', '_')}"]

    def discover(self) -> list[str]:
        """The versions the server speaks, best first; KMIP 1.1 and later."""
        return self._call(
            "Discover Versions",
            self._proxy.discover_versions,
            lambda found: [f"{v.major}.{v.minor}" for v in found.protocol_versions or []],
        )

    def query(self) -> set[str]:
        """The names of the operations the server offers."""
        functions = [enums.QueryFunction.QUERY_OPERATIONS, enums.QueryFunction.QUERY_OBJECTS]
        return self._call(
            "Query",
            lambda: self._proxy.query(query_functions=functions),
            lambda found: {operation.name for operation in found.operations or []},
        )

    def locate(self, name: str, value: str, maximum: int | None = None) -> list[str]:
        """Unique identifiers of the objects whose text attribute `name` is `value`, destroyed ones perhaps included."""
        wanted = [AttributeFactory().create_attribute(name, value)]
        return self._call(
            "Locate",
            lambda: self._proxy.locate(maximum_items=maximum, attributes=wanted),
            lambda found: [str(uid) for uid in found.uuids or []],
        )

    def create(self, name: str, custom: Sequence[tuple[str, str]]) -> str:
        """Make an AES-256 key on the server; returns its unique identifier."""
        template = objects.TemplateAttribute(attributes=_template(name, custom))
        kind = enums.ObjectType.SYMMETRIC_KEY
        return self._call("Create", lambda: self._proxy.create(kind, template), lambda made: str(made.uuid))

    def register(self, name: str, custom: Sequence[tuple[str, str]], key: Secret) -> str:
        """Copy an AES-256 key to the server; returns its unique identifier there."""
        template = objects.TemplateAttribute(attributes=_template(name, custom))
        block = objects.KeyBlock(
            key_format_type=misc.KeyFormatType(enums.KeyFormatType.RAW),
            key_value=objects.KeyValue(objects.KeyMaterial(key.reveal())),
            cryptographic_algorithm=attributes.CryptographicAlgorithm(enums.CryptographicAlgorithm.AES),
            cryptographic_length=attributes.CryptographicLength(KEY_BITS),
        )
        kind = enums.ObjectType.SYMMETRIC_KEY
        return self._call(
            "Register",
            lambda: self._proxy.register(kind, template, SymmetricKey(block)),
            lambda made: str(made.uuid),
        )

    def activate(self, uid: str) -> None:
        self._call("Activate", lambda: self._proxy.activate(uid), _nothing)

    def get(self, uid: str) -> Secret:
        """The key's bytes."""
        key: Secret = self._call(
            "Get",
            lambda: self._proxy.get(uid),
            lambda found: Secret(bytes(found.secret.key_block.key_value.key_material.value)),
        )
        if len(key) * 8 != KEY_BITS:
            raise KmipFailure(Kind.SERVER, self.host, f"Get returned a key of {len(key) * 8} bits, not {KEY_BITS}")
        return key

    def state(self, uid: str) -> str | None:
        """The object's state in KMIP's words, such as ACTIVE; None when the object is gone."""
        try:
            return self._call(
                "Get Attributes",
                lambda: self._proxy.get_attributes(uid, ["State"]),
                lambda found: str(found.attributes[0].attribute_value.value.name),
            )
        except KmipFailure as failure:
            if failure.reason in GONE:
                return None
            raise

    def revoke(self, uid: str) -> None:
        """Cessation of operation: the key was replaced, nothing bad happened to it."""
        code = enums.RevocationReasonCode.CESSATION_OF_OPERATION
        self._call("Revoke", lambda: self._proxy.revoke(code, uid, "replaced by the storage cluster"), _nothing)

    def destroy(self, uid: str) -> None:
        self._call("Destroy", lambda: self._proxy.destroy(uid), _nothing)

    def _call(self, operation: str, action: Callable[[], Any], take: Callable[[Any], T]) -> T:
        """Do `action`, and `take` from its result what is wanted; a result without it is an unreadable reply."""
        first, self._first = self._first, False
        try:
            result = action()
            if result.result_status.value == enums.ResultStatus.SUCCESS:
                return take(result)
            reason = getattr(getattr(result.result_reason, "value", None), "name", "")
            message = getattr(result.result_message, "value", "") or ""
        except (OSError, EOFError) as error:
            raise explain(error, self.host, operation, first=first, sent=True) from None
        except TooLarge:
            raise KmipFailure(Kind.SERVER, self.host, f"{operation}: the reply is too large", sent=True) from None
        except Exception as error:  # noqa: BLE001 - PyKMIP raises anything on a reply that it cannot read
            # The class only: the text may quote the reply, and the reply may be a key.
            text = f"{operation}: the reply cannot be read ({type(error).__name__})"
            raise KmipFailure(Kind.SERVER, self.host, text, sent=True) from None
        words = f"{operation} failed: {reason.replace('_', ' ').lower() or 'no reason given'}"
        raise KmipFailure(Kind.SERVER, self.host, f"{words} ({message})" if message else words, reason=reason)


def _nothing(_result: Any) -> None:
    return None


def _template(name: str, custom: Sequence[tuple[str, str]]) -> list[Any]:
    make = AttributeFactory().create_attribute
    mask = enums.CryptographicUsageMask
    value = attributes.Name.create(name, enums.NameType.UNINTERPRETED_TEXT_STRING)
    return [
        make(enums.AttributeType.CRYPTOGRAPHIC_ALGORITHM, enums.CryptographicAlgorithm.AES),
        make(enums.AttributeType.CRYPTOGRAPHIC_LENGTH, KEY_BITS),
        make(
            enums.AttributeType.CRYPTOGRAPHIC_USAGE_MASK,
            [mask.ENCRYPT, mask.DECRYPT, mask.WRAP_KEY, mask.UNWRAP_KEY],
        ),
        make(enums.AttributeType.NAME, value),
        *(make(key, text) for key, text in custom),
    ]
