"""The client of `client`, asking in any encoding by HTTPS."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Self

from kmipd.protocol import Encoding, Limits, from_ttlv, to_ttlv
from kmipd.spec.versions import V1_4, Version
from tests.support.client import Client, Ended
from tests.support.server import Identity, Server

#: For answers, of which a test wants the whole.
_ANY = Limits(message_size_max=1 << 26, text_size_max=1 << 28, items_max=1 << 20)


@dataclass
class HTTPSClient(Client):
    """Every exchange is a POST on one kept connection; what goes in and comes out is TTLV as with `Client`."""

    encoding: Encoding = Encoding.TTLV

    @classmethod
    def speaking(cls, encoding: Encoding, server: Server, identity: Identity, version: Version = V1_4) -> Self:
        client = cls.connect(server, identity, version)
        assert isinstance(client, cls)
        client.encoding = encoding
        return client

    def exchange(self, data: bytes) -> bytes:
        status, headers, body = self.post(from_ttlv(self.encoding, data), self.encoding.value)
        assert status == 200, (status, body)
        assert headers["content-type"] == self.encoding.value
        self.last = to_ttlv(self.encoding, body, _ANY)
        return self.last

    def post(self, body: bytes, media: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
        """One POST of /kmip."""
        lines = ["POST /kmip HTTP/1.1", "Host: localhost", f"Content-Type: {media}", f"Content-Length: {len(body)}"]
        return self.ask("\r\n".join([*lines, "Cache-Control: no-cache", *headers]).encode() + b"\r\n\r\n" + body)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Any bytes out, one HTTP response in."""
        self.sock.sendall(request)
        return self.response()

    def response(self, method: str = "POST") -> tuple[int, dict[str, str], bytes]:
        """The next response: status, headers in lower case, body."""
        answer = HTTPResponse(self.sock, method=method)
        try:
            answer.begin()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        except ConnectionError as error:
            raise Ended(str(error)) from None
        finally:
            answer.close()
