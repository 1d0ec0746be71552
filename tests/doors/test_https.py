"""KMIP by HTTPS on the port of the TLS socket: the profile (additional message encodings 1.0, §2), and bad requests."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import ssl
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from kmipd import administration, config
from kmipd.load import measure
from kmipd.load.client import Client as LoadClient
from kmipd.load.client import LoadError, Target
from kmipd.protocol import Encoding, from_ttlv, read_response, to_ttlv, write_request
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import EndpointRole, ObjectType, Operation, QueryFunction, ResultReason, ResultStatus
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_2, V1_4, V2_1
from tests.protocol.corpus import CORPUS, needs_corpus
from tests.support import asking
from tests.support.asking import create
from tests.support.client import Client, Ended, request, wanted, with_header
from tests.support.https import HTTPSClient
from tests.support.server import Identity, Server

every = pytest.mark.parametrize("encoding", Encoding, ids=lambda encoding: encoding.name)
TTLV = "application/octet-stream"
QUERY = p.QueryRequestPayload(query_function=(QueryFunction.QUERY_OPERATIONS,))
ASKED = write_request(request((Operation.QUERY, QUERY), version=V1_4))
HEAD = f"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Type: {TTLV}\r\nContent-Length: {len(ASKED)}\r\n".encode()


@every
def test_every_encoding_on_one_kept_connection(server: Server, identity: Identity, encoding: Encoding) -> None:
    with HTTPSClient.speaking(encoding, server, identity) as client:
        for version in (V1_0, V1_4, V2_1):
            client.version = version
            uid = create(client)
            found = client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
            assert len(found.managed_object.key_block.key_value.key_material) == 32


def test_the_port_serves_both_at_once(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.JSON, server, identity) as one, Client.connect(server, identity) as other:
        for client in (one, other, one, other):
            assert create(client)


@pytest.mark.parametrize("encoding", [Encoding.JSON, Encoding.XML])
def test_a_maximum_response_size_is_one_of_ttlv(server: Server, identity: Identity, encoding: Encoding) -> None:
    with HTTPSClient.speaking(encoding, server, identity) as client:
        answered = len(client.exchange(ASKED))
        for size, status in ((answered, ResultStatus.SUCCESS), (answered - 8, ResultStatus.OPERATION_FAILED)):
            limited = with_header(request((Operation.QUERY, QUERY), version=V1_4), maximum_response_size=size)
            assert client.send(limited).batch_item[0].result_status is status


@every
def test_what_is_large_goes_through(server: Server, identity: Identity, encoding: Encoding) -> None:
    data = random.Random(7).randbytes(900_000)
    with HTTPSClient.speaking(encoding, server, identity) as client:
        uid = asking.register(client, ObjectType.OPAQUE_OBJECT, asking.opaque(data))
        got = client.call(Operation.GET, p.GetRequestPayload(unique_identifier=uid))
        assert got.managed_object.opaque_data_value == data
        status, _, answer = client.post(from_ttlv(encoding, _registering(bytes(1_050_000))), encoding.value)
        assert status == (413 if encoding is Encoding.TTLV else 200)
        assert b"the limit is 1048576" in answer


def _registering(data: bytes) -> bytes:
    payload = p.RegisterRequestPayload(
        object_type=ObjectType.OPAQUE_OBJECT, managed_object=asking.opaque(data), **wanted(V1_4, ())
    )
    return write_request(request((Operation.REGISTER, payload), version=V1_4))


@pytest.mark.parametrize(
    ("encoding", "text"), [(Encoding.JSON, b'{"tag":"Nonsense"}'), (Encoding.XML, b"<!DOCTYPE a>")]
)
def test_a_text_that_is_no_message_is_answered_by_kmip(
    server: Server, identity: Identity, encoding: Encoding, text: bytes
) -> None:
    with HTTPSClient.speaking(encoding, server, identity) as client:
        for body in (text, b"", b"\xff", text):
            status, headers, _ = client.post(body, encoding.value)
            assert (status, headers["content-type"]) == (200, encoding.value)
        answer = read_response(client.exchange(ASKED))
        assert answer.batch_item[0].result_status is ResultStatus.SUCCESS, "the connection goes on"


def test_a_body_that_is_no_ttlv_is_answered_by_kmip(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        for body in (b"", b"\x42", ASKED[:-8], ASKED + bytes(8), b"\x42\x00\x7b" + ASKED[3:]):
            status, _, answer = client.post(body, TTLV)
            assert status == 200
            assert read_response(answer).batch_item[0].result_reason is ResultReason.INVALID_MESSAGE
        assert create(client)


def test_an_answer_xml_cannot_say_is_refused_in_xml(server: Server, identity: Identity) -> None:
    name = "a\x01b"
    with Client.connect(server, identity) as plain:
        uid = create(plain, (Tag.NAME, asking.name(name)))
    names = p.GetAttributesRequestPayload(unique_identifier=uid, attribute_name=("Name",))
    with HTTPSClient.speaking(Encoding.XML, server, identity) as client:
        assert client.refusal(Operation.GET_ATTRIBUTES, names) is ResultReason.GENERAL_FAILURE
    with HTTPSClient.speaking(Encoding.JSON, server, identity) as client:
        assert client.call(Operation.GET_ATTRIBUTES, names).attribute[0].attribute_value.name_value == name


def test_a_connection_of_http_is_not_turned_round(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.XML, server, identity, V2_1) as client:
        turn = p.SetEndpointRoleRequestPayload(endpoint_role=EndpointRole.CLIENT)
        assert client.refusal(Operation.SET_ENDPOINT_ROLE, turn) is ResultReason.FEATURE_NOT_SUPPORTED
        assert create(client)


def test_the_example_of_the_docs(server: Server, identity: Identity) -> None:
    docs = Path(__file__).parents[2] / "docs/clients.md"
    text = docs.read_text().partition("```json\n")[2].partition("```")[0]
    with HTTPSClient.speaking(Encoding.JSON, server, identity) as client:
        status, _, body = client.post(text.encode(), Encoding.JSON.value)
    assert status == 200
    answer = read_response(to_ttlv(Encoding.JSON, body)).batch_item[0]
    assert Operation.GET in answer.response_payload.operation
    assert answer.response_payload.profile_information


@needs_corpus
@pytest.mark.parametrize("minor", [0, 1, 2])
def test_oasis_own_http_request(server: Server, identity: Identity, minor: int) -> None:
    """The bytes of the dump: HTTP/1.0 without a Host, blanks after the Content-Length."""
    lines = (CORPUS / "wire" / f"MSGENC-HTTPS-M-1-1{minor}.txt").read_text().splitlines()
    dump = bytearray()
    for line in lines[next(n for n, line in enumerate(lines) if line.startswith("00000000: 50 4f 53 54")) :]:
        if dump and (line[:8].strip("0123456789abcdef") or int(line[:8], 16) != len(dump)):
            break
        pairs = re.match(r"(?:[0-9a-f]{2}[ -]){1,16}", line[10:])
        assert pairs is not None
        dump += bytes.fromhex(pairs[0].replace("-", " "))
    # Two bytes are typed into the beginning of the message, or over it (errata).
    dump = dump.replace(b"\x42\x00\x15\x32\x78", b"\x42\x00\x78").replace(b"\nB\x15\x32", b"\nB\x00\x78")
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        status, headers, body = client.ask(bytes(dump))
    assert status == 200
    assert headers["content-type"] == TTLV
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-cache"
    item = read_response(body).batch_item[0]
    assert (item.operation, item.result_reason) == (Operation.QUERY, ResultReason.RESPONSE_TOO_LARGE)


# HTTP ---------------------------------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        asked = [write_request(request((Operation.QUERY, QUERY), version=v)) for v in (V1_0, V1_2, V1_4, V2_1) * 4]
        client.sock.sendall(b"".join(HEAD + b"\r\n" + one for one in asked))
        for one in asked:
            status, _, body = client.response()
            assert status == 200
            assert body[32:36] == one[32:36]
            assert body[48:52] == one[48:52], "the version of the request"


def test_a_request_that_comes_byte_by_byte(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        for byte in HEAD + b"\r\n" + ASKED:
            client.sock.sendall(bytes([byte]))
        assert client.response()[0] == 200


def test_expect_100_continue(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        client.sock.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")
        assert client.sock.recv(100).startswith(b"HTTP/1.1 100 ")
        assert client.ask(ASKED)[0] == 200
        big = HEAD.replace(str(len(ASKED)).encode(), b"99999999") + b"Expect: 100-continue\r\n\r\n"
        assert client.ask(big)[0] == 413, "instead of 100"


BAD = {
    "another path": (b"POST /kmip2 HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    "the root": (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    "GET": (b"GET /kmip HTTP/1.1\r\nHost: h\r\n\r\n", 405),
    "OPTIONS": (b"OPTIONS /kmip HTTP/1.1\r\nHost: h\r\n\r\n", 405),
    "CONNECT": (b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    "no length": (f"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Type: {TTLV}\r\n\r\n".encode(), 411),
    "chunked": (
        HEAD.replace(f"Content-Length: {len(ASKED)}".encode(), b"Transfer-Encoding: chunked") + b"\r\n0\r\n\r\n",
        411,
    ),
    "both lengths": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 411),
    "two lengths": (HEAD + b"Content-Length: 4\r\n\r\n", 400),
    "a length of words": (HEAD.replace(str(len(ASKED)).encode(), b"many") + b"\r\n", 400),
    "too large": (HEAD.replace(str(len(ASKED)).encode(), b"1048577") + b"\r\n" + bytes(1000), 413),
    "no media type": (b"POST /kmip HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", 415),
    "a form": (HEAD.replace(TTLV.encode(), b"multipart/form-data; boundary=a") + b"\r\n" + ASKED, 415),
    "Latin-1": (HEAD.replace(TTLV.encode(), b'text/xml; charset="iso-8859-1"') + b"\r\n" + ASKED, 415),
    "compressed": (HEAD + b"Content-Encoding: gzip\r\n\r\n" + ASKED, 415),
    "another expectation": (HEAD + b"Expect: miracles\r\n\r\n", 417),
    "no Host": (HEAD.replace(b"Host: h\r\n", b"") + b"\r\n" + ASKED, 400),
    "too many headers": (HEAD + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "no HTTP": (b"HELLO there, are you a key server?\r\n\r\n", 400),
    "another version": (b"POST /kmip HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20), 505),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_has_its_status_and_ends_the_connection(server: Server, identity: Identity, what: str) -> None:
    asked, expected = BAD[what]
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        status, headers, body = client.ask(asked)
        assert status == expected
        assert headers["connection"] == "close"
        assert headers.get("allow") == ("POST" if expected == 405 else None)
        assert body.startswith(f"HTTP {expected} ".encode())
        if expected not in (400, 413, 431):  # after these the client gets a moment
            with contextlib.suppress(ssl.SSLEOFError):
                assert client.sock.recv(1) == b""
    assert "Traceback" not in server.log.read_text()


def test_a_refused_body_may_still_be_sent(server: Server, identity: Identity) -> None:
    """To close on a client that is sending would take the refusal away from it."""
    big = HEAD.replace(str(len(ASKED)).encode(), b"1048577")
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        client.sock.sendall(big + b"\r\n")
        for _ in range(16):
            client.sock.sendall(bytes(65_536))
            time.sleep(0.01)
        assert client.response()[0] == 413
        with contextlib.suppress(ssl.SSLEOFError):
            assert client.sock.recv(1) == b"", "and then it ends"


def test_head_is_refused_without_a_body(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        client.sock.sendall(b"HEAD /kmip HTTP/1.1\r\nHost: h\r\n\r\n")
        status, headers, body = client.response("HEAD")
    assert (status, body, headers["allow"]) == (405, b"", "POST")


def test_what_a_media_type_may_look_like(server: Server, identity: Identity) -> None:
    text = json.dumps({"tag": "RequestMessage"}).encode()
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        for media in ("Application/JSON", "application/json; charset=UTF-8", 'application/json ;charset="utf-8"'):
            assert client.post(text, media)[1]["content-type"] == "application/json"
        assert client.post(b"<RequestMessage/>", "application/xml")[1]["content-type"] == "text/xml"
        absolute = HEAD.replace(b" /kmip ", b" https://keys.example.com:5696/kmip?a=b ")
        assert client.ask(absolute + b"\r\n" + ASKED)[0] == 200


def test_a_client_that_closes_is_closed(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity) as client:
        assert client.post(ASKED, TTLV, "Connection: close")[1]["connection"] == "close"
        with pytest.raises((Ended, OSError)):
            client.post(ASKED, TTLV)


@pytest.mark.parametrize("begun", [HEAD, HEAD + b"\r\n" + ASKED[:20], b"POST /kmip"], ids=["headers", "body", "line"])
def test_half_a_request_gets_408(own_server: Server, begun: bytes) -> None:
    own_server.configure("limits", request=1.0).start()
    with HTTPSClient.speaking(Encoding.TTLV, own_server, own_server.enrol()) as client:
        asked = time.monotonic()
        assert client.ask(begun)[0] == 408
        assert time.monotonic() - asked < 10


def test_a_client_that_sends_too_fast_gets_429(own_server: Server) -> None:
    own_server.configure("limits", rate_per_client_max=5).start()
    with HTTPSClient.speaking(Encoding.JSON, own_server, own_server.enrol()) as client:
        answers = []
        with contextlib.suppress(Ended, OSError):
            answers.extend(client.post(b"{}", "application/json")[0] for _ in range(50))
    assert answers[-1] == 429
    assert set(answers[:-1]) == {200}


def test_a_certificate_that_is_revoked_is_refused_here_too(own_server: Server) -> None:
    own_server.configure("limits", recheck=0.0).start()
    identity = own_server.enrol()
    with HTTPSClient.speaking(Encoding.JSON, own_server, identity) as client:
        assert create(client)
        clients = administration.Clients(config.load(own_server.directory, {}))
        clients.revoke(identity.name)
        clients.close()
        assert client.refusal(Operation.QUERY, QUERY) is ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


def test_without_a_certificate_there_is_no_http(server: Server, identity: Identity) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(identity.ca)
    with (
        socket.create_connection((server.host, server.port), 10) as raw,
        pytest.raises((OSError, Ended)),
        HTTPSClient(context.wrap_socket(raw, server_hostname="localhost")) as bare,
    ):
        bare.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")


def test_several_addresses_serve_both(own_server: Server) -> None:
    own_server.configure("server", also_listen=["127.0.0.1:0", "[::1]:0"]).start()
    identity = own_server.enrol()
    assert len(set(own_server.ports)) == 3
    for host, port in zip(("127.0.0.1", "127.0.0.1", "::1"), own_server.ports, strict=True):
        one = Server(own_server.directory, host, port)
        with HTTPSClient.speaking(Encoding.JSON, one, identity) as client, Client.connect(one, identity) as other:
            assert create(client)
            assert create(other)
    assert own_server.stop() == 0


def test_several_sockets_of_a_socket_unit(own_server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        own_server.start(first, second)
        identity = own_server.enrol()
        for listener in (first, second):
            one = Server(own_server.directory, port=listener.getsockname()[1])
            assert create_once(one, identity)


@pytest.mark.parametrize("encoding", [None, *Encoding])
def test_load_in_every_encoding(server: Server, identity: Identity, encoding: Encoding | None) -> None:
    files = {"certificate": identity.certificate, "key": identity.key, "ca": identity.ca}
    target = Target(host="localhost", port=server.port, version=V1_4, https=encoding, **files)
    for connections in (1, 2):
        assert measure.run(target, "get", connections, 0.2).requests


def test_load_says_when_it_is_refused(server: Server, identity: Identity) -> None:
    files = {"certificate": identity.certificate, "key": identity.key, "ca": identity.ca}
    target = Target(host="localhost", port=server.port, version=V1_4, https=Encoding.JSON, **files)
    client = LoadClient(target)
    try:
        client.sock.sendall(b"GET /kmip HTTP/1.1\r\nHost: h\r\n\r\n")
        with pytest.raises(LoadError, match="405"):
            client.exchange_rest()
    finally:
        client.close()


def test_http_can_be_switched_off(own_server: Server) -> None:
    own_server.configure("server", https=False).start()
    with Client.connect(own_server, own_server.enrol()) as client:
        client.sock.sendall(HEAD)
        assert client.receive()[:3] == b"\x42\x00\x7b"


def test_any_bytes_after_any_beginning(server: Server, identity: Identity) -> None:
    chance = random.Random(7)
    for start in (b"PO", b"POST /kmip HTTP/1.1\r\n", HEAD, HEAD + b"\r\n", HEAD + b"\r\n" + ASKED):
        for size in (1, 9, 500, 20_000):
            with (
                HTTPSClient.speaking(Encoding.TTLV, server, identity) as client,
                contextlib.suppress(Ended, OSError, HTTPException),
            ):
                client.sock.settimeout(0.2)
                client.ask(start + chance.randbytes(size))
    assert create_once(server, identity)
    assert "Traceback" not in server.log.read_text()


def create_once(server: Server, identity: Identity) -> str:
    with Client.connect(server, identity) as client:
        return create(client)
