"""Trust between the cluster and key servers, set up, renewed and broken in every way; each failure in its class."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kmipd.cluster.client import ElementFailure
from kmipd.cluster.clock import now
from kmipd.cluster.health import expiry_severity
from kmipd.cluster.masterkeys import endpoint_of
from kmipd.cluster.settings import KmipSettings
from tests.cluster.conftest import KeyServer, Lab, free_port
from tests.support.server import run

YEAR = dt.timedelta(days=365)


@dataclass
class Made:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make(
    name: str,
    issuer: Made | None = None,
    *,
    ca: bool = False,
    hosts: tuple[str, ...] = (),
    start: dt.timedelta = -dt.timedelta(days=1),
    end: dt.timedelta = YEAR,
    public: object = None,
) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    present = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public or key.public_key())  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(present + start)
        .not_valid_after(present + end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), critical=False)
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Key servers that go wrong after, or in, the TLS handshake. `behave` gets each connection; returns the port."""
    stop = threading.Event()
    cleanup: list[tuple[socket.socket, threading.Thread]] = []

    def start(identity: Made | None, behave: Callable[[ssl.SSLSocket], None] = lambda _s: None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        context = None
        if identity is not None:
            path = tmp_path / "server.pem"
            path.write_bytes(identity.pem.encode() + identity.key_pem)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)

        def serve() -> None:
            while not stop.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    try:
                        sock.settimeout(5)
                        if context is None:
                            stop.wait(5)
                            continue
                        with context.wrap_socket(sock, server_side=True) as tls:
                            behave(tls)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        cleanup.append((listener, thread))
        return int(listener.getsockname()[1])

    yield start
    stop.set()
    for listener, thread in cleanup:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def failure(lab: Lab, number: int) -> tuple[str, str]:
    with pytest.raises(ElementFailure) as error:
        lab.call("TestKeyServerKmip", keyServerID=number)
    return error.value.name, str(error.value)


def test_works_by_name_and_by_address(lab: Lab, key_server: KeyServer) -> None:
    for host in ("127.0.0.1", "localhost"):
        number = lab.add_server(key_server, hosts=(host,))
        assert lab.call("TestKeyServerKmip", keyServerID=number) == {}


def test_wrong_authority(lab: Lab, key_server: KeyServer) -> None:
    number = lab.add_server(key_server, kmipCaCertificate=make("other root", ca=True).pem)
    name, text = failure(lab, number)
    assert name == "xKmipAuthenticationFailure"
    assert "kmipCaCertificate" in text


def test_several_roots(lab: Lab, key_server: KeyServer) -> None:
    number = lab.add_server(key_server)
    view = lab.call("GetKeyServerKmip", keyServerID=number)["kmipKeyServer"]
    bundle = make("other root", ca=True).pem + view["kmipCaCertificate"]
    lab.call("ModifyKeyServerKmip", keyServerID=number, kmipCaCertificate=bundle)
    assert lab.call("TestKeyServerKmip", keyServerID=number) == {}


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"hosts": ("elsewhere.example",)}, "does not name this"),
        ({"hosts": ("localhost",), "end": -dt.timedelta(hours=1)}, "expired"),
        ({"hosts": ("localhost",), "start": dt.timedelta(hours=1)}, "clocks"),
    ],
)
def test_wrong_server_certificates(
    lab: Lab, key_server: KeyServer, tls_server: Callable[..., int], identity: dict[str, object], text: str
) -> None:
    root = make("root", ca=True)
    port = tls_server(make("server", root, **identity))  # type: ignore[arg-type]
    changes = {"kmipCaCertificate": root.pem, "kmipKeyServerPort": port}
    name, found = failure(lab, lab.add_server(key_server, hosts=("localhost",), **changes))
    assert name == "xKmipAuthenticationFailure"
    assert text in found


def test_host_names_can_be_left_unverified(
    make_lab: Callable[..., Lab], key_server: KeyServer, tls_server: Callable[..., int]
) -> None:
    lab = make_lab(kmip=KmipSettings(call_budget=5, host_budget=2, verify_hostname=False))
    lab.create()
    root = make("root", ca=True)
    port = tls_server(make("server", root, hosts=("elsewhere.example",)))
    number = lab.add_server(key_server, kmipCaCertificate=root.pem, kmipKeyServerPort=port)
    assert "closed the connection" in failure(lab, number)[1]  # it came past the name


def test_unreachable(lab: Lab, key_server: KeyServer) -> None:
    refused = lab.add_server(key_server, kmipKeyServerPort=free_port())
    assert failure(lab, refused)[0] == "xKmipConnectionFailure"
    unknown = lab.add_server(key_server, hosts=("no-such-host.invalid",))
    name, text = failure(lab, unknown)
    assert name == "xKmipConnectionFailure"
    assert "no-such-host.invalid" in text


def trickle(sock: ssl.SSLSocket) -> None:
    sock.recv(1000)
    sock.sendall(b"\x42\x00\x7b\x01\x00\x00\x10\x00")
    for _ in range(30):
        sock.sendall(b"\x42")
        time.sleep(0.1)


def huge(sock: ssl.SSLSocket) -> None:
    sock.recv(1000)
    sock.sendall(b"\x42\x00\x7b\x01\x7f\xff\xff\xff")
    time.sleep(0.2)


def garbage(sock: ssl.SSLSocket) -> None:
    sock.recv(1000)
    sock.sendall(b"\x42\x00\x7b\x01\x00\x00\x00\x08" + b"\xff" * 8)
    time.sleep(0.2)


@pytest.mark.parametrize(
    ("behave", "name", "text"),
    [
        (lambda sock: time.sleep(2), "xKmipConnectionFailure", "too long"),
        (trickle, "xKmipConnectionFailure", "too long"),
        (huge, "xKmipServerError", "too large"),
        (garbage, "xKmipServerError", "cannot be read"),
        (lambda sock: None, "xKmipAuthenticationFailure", "refuse a client certificate"),
    ],
    ids=["silent", "trickle", "huge", "garbage", "closes"],
)
def test_broken_servers_end_in_time(
    make_lab: Callable[..., Lab],
    key_server: KeyServer,
    tls_server: Callable[..., int],
    behave: Callable[..., None],
    name: str,
    text: str,
) -> None:
    lab = make_lab(kmip=KmipSettings(call_budget=1.5, host_budget=1.0))
    lab.create()
    root = make("root", ca=True)
    port = tls_server(make("server", root, hosts=("localhost",)), behave)
    changes = {"kmipCaCertificate": root.pem, "kmipKeyServerPort": port}
    number = lab.add_server(key_server, hosts=("localhost",), **changes)
    start = time.monotonic()
    found = failure(lab, number)
    assert time.monotonic() - start < lab.settings.kmip.call_budget + 2
    assert found[0] == name
    assert text in found[1]


def test_a_server_that_never_shakes_hands(lab: Lab, key_server: KeyServer, tls_server: Callable[..., int]) -> None:
    number = lab.add_server(key_server, kmipKeyServerPort=tls_server(None))
    start = time.monotonic()
    assert failure(lab, number)[0] == "xKmipConnectionFailure"
    assert time.monotonic() - start < lab.settings.kmip.host_budget + 2


def test_unauthorised(lab: Lab, key_server: KeyServer) -> None:
    lab.call("CreatePublicPrivateKeyPair", commonName="stranger")
    csr = lab.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
    request = x509.load_pem_x509_csr(csr.encode())
    certificate = make("stranger", make("unknown root", ca=True), public=request.public_key()).pem
    name, _ = failure(lab, lab.add_server(key_server, kmipClientCertificate=certificate))
    assert name == "xKmipAuthenticationFailure"
    key_server.names += 1
    revoked = f"revoked{key_server.names}"
    _, certificate = key_server.sign(csr, revoked)
    number = lab.add_server(key_server, kmipClientCertificate=certificate)
    assert lab.call("TestKeyServerKmip", keyServerID=number) == {}
    run("client", "revoke", revoked, "--dir", key_server.directory)
    assert failure(lab, number)[0] in ("xKmipAuthenticationFailure", "xKmipServerError")


def test_failover_is_ordered_and_sticky(lab: Lab, key_server: KeyServer) -> None:
    provider = lab.trust(key_server, hosts=("no-such-host.invalid", "127.0.0.1"))
    assert lab.call("TestKeyProviderKmip", keyProviderID=provider) == {}
    assert "error" not in lab.rekey("External", provider)
    lab.cluster.health.check()
    found = lab.call("ListClusterFaults", faultTypes="current")["faults"]
    assert [(f["code"], f["severity"]) for f in found] == [("kmipServerFault", "warning")]
    assert "no-such-host.invalid" in found[0]["details"]
    with lab.cluster.store.unit() as unit:
        server = unit.key_servers.all()[0]
        endpoint = endpoint_of(unit, server)
    assert lab.cluster.keys._hosts._order(endpoint) == ["127.0.0.1", "no-such-host.invalid"]


def test_several_servers_hold_the_same_keys(
    make_lab: Callable[..., Lab], key_server: KeyServer, second_key_server: KeyServer
) -> None:
    lab = make_lab(servers_per_provider=2)
    lab.create()
    provider = lab.trust(key_server)
    lab.rekey("External", provider)
    second = lab.add_server(second_key_server)
    lab.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=second)
    lab.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=second)  # already there: nothing
    third = lab.add_server(key_server)
    with pytest.raises(ElementFailure, match="xExceededLimit"):
        lab.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=third)
    assert "error" not in lab.rekey()  # made on both
    lab.call("RemoveKeyServerFromProviderKmip", keyServerID=lab.server_ids[0])
    lab.call("TestKeyProviderKmip", keyProviderID=provider)
    lab.restart()
    volume = lab.cluster.volumes
    lab.cluster.keeper.unlock()
    assert volume.create("v", 1)
    other = lab.call("CreateKeyProviderKmip", keyProviderName="o")["kmipKeyProvider"]["keyProviderID"]
    with pytest.raises(ElementFailure, match="xKeyServerAlreadyAssigned"):
        lab.call("AddKeyServerToProviderKmip", keyProviderID=other, keyServerID=second)


def test_what_operators_hand_in_is_checked(lab: Lab, key_server: KeyServer) -> None:
    lab.add_server(key_server)
    good = lab.call("GetKeyServerKmip", keyServerID=1)["kmipKeyServer"]
    csr = lab.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
    public = x509.load_pem_x509_csr(csr.encode()).public_key()
    root = make("root", ca=True)
    bad = [
        ({"kmipCaCertificate": "CA"}, "xInvalidCertificate"),
        ({"kmipCaCertificate": "-----BEGIN CERTIFICATE-----\nCA"}, "xInvalidCertificate"),
        ({"kmipCaCertificate": "\u00e9"}, "xInvalidCertificate"),
        ({"kmipCaCertificate": make("leaf", root).pem}, "xInvalidCertificate"),
        ({"kmipCaCertificate": make("old", ca=True, end=-dt.timedelta(hours=1)).pem}, "xInvalidCertificate"),
        ({"kmipClientCertificate": make("client", root).pem}, "xInvalidCertificate"),
        (
            {"kmipClientCertificate": make("c", root, public=public, end=-dt.timedelta(hours=1)).pem},
            "xInvalidCertificate",
        ),
        ({"kmipKeyServerPort": 0}, "xInvalidParameter"),
        ({"kmipKeyServerHostnames": []}, "xInvalidParameter"),
        ({"kmipKeyServerHostnames": ["https://x"]}, "xInvalidParameter"),
        ({"kmipKeyServerHostnames": "x"}, "xInvalidParameterType"),
    ]
    values = {k: v for k, v in good.items() if k.startswith("kmip") and v is not None}
    for change, name in bad:
        with pytest.raises(ElementFailure) as error:
            lab.call("CreateKeyServerKmip", **(values | change))
        assert error.value.name == name, change
        with pytest.raises(ElementFailure) as error:
            lab.call("ModifyKeyServerKmip", keyServerID=1, **change)
        assert error.value.name == name, change
    assert lab.call("GetKeyServerKmip", keyServerID=1)["kmipKeyServer"] == good


def test_modify_proves_before_it_changes(lab: Lab, key_server: KeyServer, second_key_server: KeyServer) -> None:
    provider = lab.trust(key_server)
    name = f"cluster{key_server.names}"
    lab.rekey("External", provider)
    before = lab.call("GetKeyServerKmip", keyServerID=1)["kmipKeyServer"]
    assert lab.call("ModifyKeyServerKmip", keyServerID=1)["kmipKeyServer"] == before
    with pytest.raises(ElementFailure, match="xKmipConnectionFailure"):
        lab.call("ModifyKeyServerKmip", keyServerID=1, kmipKeyServerPort=free_port())
    csr = lab.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
    ca, renewed = second_key_server.sign(csr)
    other = {"kmipCaCertificate": ca, "kmipClientCertificate": renewed, "kmipKeyServerPort": second_key_server.port}
    with pytest.raises(ElementFailure, match="which is in use"):  # it works, and lacks our key
        lab.call("ModifyKeyServerKmip", keyServerID=1, **other)
    assert lab.call("GetKeyServerKmip", keyServerID=1)["kmipKeyServer"] == before
    _, renewed = key_server.sign(csr, name)
    after = lab.call("ModifyKeyServerKmip", keyServerID=1, kmipClientCertificate=renewed)["kmipKeyServer"]
    assert after["kmipClientCertificate"] == renewed != before["kmipClientCertificate"]
    assert lab.call("TestKeyProviderKmip", keyProviderID=provider) == {}


def test_the_request_of_a_real_cluster(make_lab: Callable[..., Lab], key_server: KeyServer) -> None:
    lab = make_lab(csr_version=2)
    lab.create()
    number = lab.add_server(key_server)  # kmipd signs it in spite of its version
    csr = lab.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
    with pytest.raises(x509.InvalidVersion):
        x509.load_pem_x509_csr(csr.encode())
    assert lab.call("TestKeyServerKmip", keyServerID=number) == {}


def test_the_request_is_like_a_real_one(lab: Lab) -> None:
    lab.call("CreatePublicPrivateKeyPair", commonName="c", organization="o", country="DE", emailAddress="a@b")
    csr = lab.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    assert [a.rfc4514_attribute_name for a in request.subject][:3] == ["CN", "O", "C"]
    assert request.public_key().key_size == 2048  # type: ignore[union-attr]
    assert {e.value.__class__.__name__: e.critical for e in request.extensions} == {
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
    }


def test_certificates_that_end_are_faults(lab: Lab, key_server: KeyServer) -> None:
    lab.trust(key_server)
    lab.cluster.health.check()
    assert lab.call("ListClusterFaults")["faults"] == []
    ends = x509.load_pem_x509_certificate(
        lab.call("GetKeyServerKmip", keyServerID=1)["kmipKeyServer"]["kmipClientCertificate"].encode()
    ).not_valid_after_utc
    lab.close()
    lab.open(clock=lambda: ends - dt.timedelta(days=5))
    lab.cluster.health.check()
    found = [f for f in lab.call("ListClusterFaults")["faults"] if f["code"] == "kmipCertificateFault"]
    assert [(f["severity"], f["type"], f["resolved"]) for f in found] == [("error", "cluster", False)]
    assert "client certificate expires" in found[0]["details"]
    lab.restart()
    lab.cluster.health.check()
    found = lab.call("ListClusterFaults", faultTypes="resolved")["faults"]
    assert [f["code"] for f in found] == ["kmipCertificateFault"]


@pytest.mark.parametrize(
    ("days", "severity"), [(31, None), (29, "warning"), (6, "error"), (2, "critical"), (-1, "critical")]
)
def test_severities(days: int, severity: str | None) -> None:
    assert expiry_severity(now() + dt.timedelta(days=days), now()) == severity
