"""The smallest KMIP client: one TLS connection, typed requests, typed answers or `LoadError`."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmipd import protocol
from kmipd.load.framing import ByHTTPS, ByTLS, Framing
from kmipd.protocol import Encoding
from kmipd.spec.enumerations import Operation, ResultStatus
from kmipd.spec.messages import ProtocolVersion, RequestBatchItem, RequestHeader, RequestMessage
from kmipd.spec.versions import Version

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0


class LoadError(Exception):
    """The server refused, or went away. Says what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    host: str
    port: int
    certificate: Path
    key: Path
    ca: Path | None  # None: the server's certificate is not checked
    version: Version
    https: Encoding | None = None  # by HTTPS in this encoding; None is the TLS socket

    def framing(self) -> Framing:
        return ByTLS() if self.https is None else ByHTTPS(self.https, self.host)

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(self.certificate, self.key)
        if self.ca is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(self.ca)
        return context


class Client:
    """A blocking connection."""

    def __init__(self, target: Target, context: ssl.SSLContext | None = None) -> None:
        self._target = target
        self.framing = target.framing()
        raw = socket.create_connection((target.host, target.port), CONNECT_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(ANSWER_SECONDS)
        self.sock = (context or target.context()).wrap_socket(raw, server_hostname=target.host)

    def close(self) -> None:
        self.sock.close()

    def call(self, operation: Operation, payload: Any) -> Any:
        """One request; the payload of its answer."""
        self.sock.sendall(self.framing.ask(request(self._target.version, (operation, payload))))
        return payload_of(self.exchange_rest())

    def exchange_rest(self) -> bytes:
        """The answer to what was sent, in TTLV."""
        data = b""
        while not self.framing.whole(data):
            received = self.sock.recv(65_536)
            if not received:
                raise LoadError("the server closed the connection")
            data += received
        return self.message(data)

    def message(self, data: bytes) -> bytes:
        """The TTLV of a whole answer; LoadError when it is none."""
        try:
            return self.framing.message(data)
        except (ValueError, protocol.ProtocolError) as error:
            raise LoadError(str(error)) from None


def request(version: Version, *items: tuple[Operation, Any]) -> bytes:
    header = RequestHeader(protocol_version=ProtocolVersion.of(version), batch_count=len(items))
    batch = tuple(RequestBatchItem(operation=operation, request_payload=payload) for operation, payload in items)
    return protocol.write_request(RequestMessage(request_header=header, batch_item=batch))


def payload_of(answer: bytes) -> Any:
    item = protocol.read_response(answer).batch_item[0]
    if item.result_status is not ResultStatus.SUCCESS:
        reason = getattr(item.result_reason, "name", item.result_reason)
        raise LoadError(f"{getattr(item.operation, 'name', 'the request')}: {reason}: {item.result_message}")
    return item.response_payload
