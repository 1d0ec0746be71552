"""The transport contract of the Element API, spoken over a bare TLS socket."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from kmipd.cluster.element.methods import METHODS
from kmipd.cluster.settings import DoorSettings
from tests.cluster.conftest import PASSWORD, USER, Lab

TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Raw:
    """A kept connection."""

    def __init__(self, lab: Lab) -> None:
        assert lab.running is not None
        context = ssl.create_default_context(cafile=str(lab.running.certificate))
        plain = socket.create_connection(("127.0.0.1", lab.port), 10)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self._rest = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        while b"\r\n\r\n" not in self._rest:
            piece = self.socket.recv(65536)
            assert piece, "closed without an answer"
            self._rest += piece
        head, _, rest = self._rest.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        while len(rest) < int(headers.get("content-length", 0)):
            rest += self.socket.recv(65536)
        length = int(headers.get("content-length", 0))
        body, self._rest = rest[:length], rest[length:]
        return int(status.split()[1]), headers, body

    def post(
        self, body: bytes, path: str = "/json-rpc/12.3", headers: dict[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, dict[str, str], bytes]:
        given = {"Host": "x", "Authorization": f"Basic {TOKEN}", "Content-Length": str(len(body))} | (headers or {})
        lines = "".join(f"{k}: {v}\r\n" for k, v in given.items() if v)
        self.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return self.receive()

    def call(self, message: object, path: str = "/json-rpc/12.3") -> dict[str, Any]:
        status, headers, body = self.post(json.dumps(message).encode(), path)
        assert (status, headers["content-type"]) == (200, "application/json")
        return dict(json.loads(body))


def test_ids_versions_and_keep_alive(lab: Lab) -> None:
    with Raw(lab) as raw:
        for identifier in (0, 1, "a", None):
            assert raw.call({"method": "GetClusterInfo", "id": identifier})["id"] == identifier
        assert raw.call({"method": "GetClusterInfo"})["id"] is None
        for path in ("/json-rpc/7.0", "/json-rpc/1.0/", "/json-rpc/12.3/", "/json-rpc/12.3"):
            found = raw.call({"method": "getapi", "json-rpc": "2.0", "params": None, "id": 0}, path)["result"]
        assert float(found["currentVersion"]) == 12.3
        assert {"1.0", "7.0", "12.2", "12.3"} <= set(found["supportedVersions"])
        assert all(isinstance(v, str) for v in found["supportedVersions"])
        assert found["12.3"] == sorted(m.name for m in METHODS)


def test_success_has_no_error_and_void_is_an_empty_object(lab: Lab) -> None:
    with Raw(lab) as raw:
        assert raw.call({"method": "CreatePublicPrivateKeyPair", "id": 5}) == {"id": 5, "result": {}}


def test_unused_parameters_are_a_warning(lab: Lab) -> None:
    with Raw(lab) as raw:
        reply = raw.call({"method": "GetClusterInfo", "params": {"odd": 1}, "id": 1})
        assert reply["unusedParameters"] == {"odd": 1}
        assert "clusterInfo" in reply["result"]


@pytest.mark.parametrize(
    ("message", "name", "text"),
    [
        ({"method": "NoSuch", "id": 3}, "xUnknownAPIMethod", "method=NoSuch"),
        ({"id": 3}, "xMissingParameter", "Missing member=[method]"),
        ({"method": "GetAsyncResult", "id": 3}, "xMissingParameter", "Missing member=[asyncHandle]"),
        (
            {"method": "GetAsyncResult", "id": 3, "params": {"asyncHandle": "1"}},
            "xDBNoSuchPath",
            "DBClient operation requested on a non-existent path at [/asyncresults/1]",
        ),
        ({"method": "GetAsyncResult", "id": 3, "params": {"asyncHandle": 1.5}}, "xInvalidParameterType", "integer"),
        ({"method": "GetAsyncResult", "id": 3, "params": {"asyncHandle": True}}, "xInvalidParameterType", "integer"),
        ({"method": "GetAsyncResult", "id": 3, "params": {"asyncHandle": 1 << 70}}, "xInvalidParameter", "large"),
        ({"method": "GetAPI", "id": 3, "params": [1]}, "xInvalidParameterType", "params"),
        ({"method": "GetKeyProviderKmip", "id": 3, "params": {"keyProviderID": 9}}, "xKeyProviderIDDoesNotExist", "9"),
        ({"method": "GetKeyServerKmip", "id": 3, "params": {"keyServerID": 9}}, "xKeyServerIDDoesNotExist", "9"),
        ({"method": "GetClientCertificateSignRequest", "id": 3}, "xPublicPrivateKeyPairDoesNotExist", "first"),
        (
            {"method": "RekeySoftwareEncryptionAtRestMasterKey", "id": 3, "params": {"keyManagementType": "External"}},
            "xMissingParameter",
            "Missing member=[keyProviderID]",
        ),
        (
            {"method": "RekeySoftwareEncryptionAtRestMasterKey", "id": 3, "params": {"keyProviderID": 1}},
            "xInvalidParameter",
            "External",
        ),
        (
            {"method": "RekeySoftwareEncryptionAtRestMasterKey", "id": 3, "params": {"keyManagementType": "No"}},
            "xUnrecognizedEnumString",
            "No",
        ),
        (
            {"method": "CreatePublicPrivateKeyPair", "id": 3, "params": {"country": "Utopia"}},
            "xInvalidParameter",
            "country",
        ),
    ],
)
def test_errors(lab: Lab, message: object, name: str, text: str) -> None:
    with Raw(lab) as raw:
        reply = raw.call(message)
    assert set(reply) == {"id", "error"}
    assert reply["id"] == 3
    assert (reply["error"]["code"], reply["error"]["name"]) == (500, name)
    assert text in reply["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[{}]", b"1", b"\xff\xfe", b'{"a":' * 5000])
def test_what_is_no_request(lab: Lab, body: bytes) -> None:
    with Raw(lab) as raw:
        status, _, reply = raw.post(body)
    found = json.loads(reply)
    assert (status, found["id"], found["error"]["name"]) == (200, None, "xInvalidRequest")


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !!", "Bearer x", "Basic " + base64.b64encode(b"admin").decode(), "Basic YWRtaW46eA=="],
)
def test_unauthorized(lab: Lab, authorization: str) -> None:
    with Raw(lab) as raw:
        status, headers, body = raw.post(b"{}", headers={"Authorization": authorization})
    assert (status, headers["content-type"].split(";")[0]) == (401, "text/html")
    assert b"401 Unauthorized." in body
    assert headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("path", ["/", "/json-rpc", "/json-rpc/99.9", "/json-rpc/12.10", "/json-rpc/12.3/x"])
def test_not_found(lab: Lab, path: str) -> None:
    with Raw(lab) as raw:
        status, headers, body = raw.post(b"{}", path)
    assert (status, headers["content-type"].split(";")[0]) == (404, "text/html")
    assert b"404 Not Found" in body


def test_only_post(lab: Lab) -> None:
    with Raw(lab) as raw:
        assert raw.post(b"", method="GET")[0] == 405


def test_expect_continue(lab: Lab) -> None:
    body = b'{"method":"GetAPI"}'
    with Raw(lab) as raw:
        status, _, _ = raw.post(b"", headers={"Expect": "100-continue", "Content-Length": str(len(body))})
        assert status == 100
        raw.send(body)
        assert raw.receive()[0] == 200


def test_bounds(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(door=DoorSettings(max_body=1000, max_header=2000, request=0.5, idle=0.5, max_connections=2))
    lab.create()
    with Raw(lab) as raw:
        assert raw.post(b"x" * 1001)[0] == 413
    with Raw(lab) as raw:
        raw.send(b"POST /json-rpc/12.3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        raw.send(b"400\r\n" + b"x" * 0x400 + b"\r\n0\r\n\r\n")
        assert raw.receive()[0] == 413
    with Raw(lab) as raw:
        raw.send(b"POST /json-rpc/12.3 HTTP/1.1\r\nA: " + b"x" * 5000)
        assert raw.receive()[0] == 431
    with Raw(lab) as raw:
        raw.send(b"nonsense\r\n\r\n")
        assert raw.receive()[0] == 400
    for piece in (b"", b"POST /json-rpc/12.3 HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"):
        with Raw(lab) as raw:  # idle, or a request that never ends
            raw.send(piece)
            start = time.monotonic()
            while raw.socket.recv(1000):
                pass
            assert time.monotonic() - start < 3
    assert lab.call("GetClusterInfo")  # every slot was given back


def test_a_plain_or_broken_client_harms_nobody(lab: Lab) -> None:
    for data in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05nonse", b""):
        with socket.create_connection(("127.0.0.1", lab.port), 5) as sock:
            sock.sendall(data)
    assert lab.call("GetClusterInfo")


def test_before_the_cluster_exists(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    with Raw(lab) as raw:
        assert raw.call({"method": "GetAPI", "id": 0})["result"]["currentVersion"] == "12.3"
        assert raw.call({"method": "ListKeyServersKmip"})["error"]["name"] == "xClusterNotCreated"
        params = {"mvip": "a", "svip": "b", "username": "u", "password": "p", "nodes": ["n"]}
        assert "acceptEula" in raw.call({"method": "CreateCluster", "params": params})["error"]["message"]
        assert raw.call({"method": "CreateCluster", "params": params | {"acceptEula": True}})["result"] == {}
        assert raw.post(b'{"method":"GetAPI"}')[0] == 401


def test_access_types(lab: Lab) -> None:
    with lab.cluster.store.unit() as unit:
        first = unit.admins.one()
        assert first is not None
        unit.admins.update(first.id, access=["read"])
    with Raw(lab) as raw:
        assert "error" not in raw.call({"method": "GetClusterInfo"})
        assert raw.call({"method": "GetAsyncResult", "params": {"asyncHandle": 1}})["error"]["name"] == "xDBNoSuchPath"
        for name in ("CreatePublicPrivateKeyPair", "EnableEncryptionAtRest", "KmipdReadVolume"):
            assert raw.call({"method": name})["error"]["name"] == "xPermissionDenied"
