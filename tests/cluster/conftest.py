"""A real key server in a subprocess, clusters in this process, and the trust between the two."""

from __future__ import annotations

import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kmipd import administration, config
from kmipd.cluster.client import ElementClient, ElementFailure
from kmipd.cluster.cluster import Cluster
from kmipd.cluster.identity import endpoint_context
from kmipd.cluster.rekey import no_step
from kmipd.cluster.serving import Running
from kmipd.cluster.settings import DoorSettings, KmipSettings, Settings
from tests.support.server import Server, run

USER, PASSWORD = "admin", "correct horse: battery"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class KeyServer(Server):
    """A key server that signs for clusters."""

    names: int = 0

    def sign(self, csr: str, name: str | None = None) -> tuple[str, str]:
        """The authority's certificate and one for the CSR."""
        self.names += 1
        out = self.directory.with_name(f"{self.directory.name}-signed-{self.names}")
        request = out.with_suffix(".csr")
        request.write_text(csr)
        clients = administration.Clients(config.load(self.directory))
        try:
            group = name or f"cluster{self.names}"
            clients.sign(group, request, out, group=group, role="client")
        finally:
            clients.close()
        return (out / "ca.pem").read_text(), (out / "cert.pem").read_text()


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="kmipd-cluster-", dir=shm if shm.is_dir() else None) as path:
        yield Path(path)


@pytest.fixture(scope="session")
def key_server(memory: Path) -> Iterator[KeyServer]:
    """Shared and always up."""
    server = KeyServer.make(memory / "eks")
    yield server.start()
    server.kill()


@pytest.fixture(scope="session")
def second_key_server(memory: Path) -> Iterator[KeyServer]:
    """Another one, whose keys and authority are its own."""
    run("init", "--dir", memory / "eks2", "--port", 0)
    server = KeyServer(memory / "eks2")
    yield server.start()
    server.kill()


@dataclass
class Lab:
    """One cluster directory; open it, close it, open it again."""

    directory: Path
    settings: Settings
    running: Running | None = None
    server_ids: list[int] = field(default_factory=list)

    def open(self, step: Callable[[str], None] = no_step, **cluster: Any) -> Running:
        assert self.running is None
        self.running = Running(Cluster(self.settings, step=step, **cluster), "127.0.0.1", 0)
        self.running.start()
        return self.running

    def close(self) -> None:
        if self.running is not None:
            self.running.close()
            self.running = None

    def restart(self) -> None:
        self.close()
        self.open()

    @property
    def cluster(self) -> Cluster:
        assert self.running is not None
        return self.running.cluster

    @property
    def port(self) -> int:
        assert self.running is not None
        return self.running.server.port

    def client(self, user: str = USER, password: str = PASSWORD) -> ElementClient:
        assert self.running is not None
        return ElementClient(f"https://127.0.0.1:{self.port}", user, password, ca=self.running.certificate, timeout=30)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.client().call(method, **params)

    def create(self, *, encrypted: bool = True) -> None:
        self.call(
            "CreateCluster",
            mvip="127.0.0.1",
            svip="127.0.0.1",
            username=USER,
            password=PASSWORD,
            nodes=["127.0.0.1"],
            acceptEula=True,
            enableSoftwareEncryptionAtRest=encrypted,
        )

    def trust(self, server: Any, *, name: str = "eks", hosts: tuple[str, ...] = ("127.0.0.1",)) -> int:
        """A provider with one server; returns the provider's id."""
        number = self.add_server(server, name=name, hosts=hosts)
        provider = self.call("CreateKeyProviderKmip", keyProviderName=name)["kmipKeyProvider"]["keyProviderID"]
        self.call("AddKeyServerToProviderKmip", keyProviderID=provider, keyServerID=number)
        return int(provider)

    def add_server(
        self, server: Any, *, name: str = "eks", hosts: tuple[str, ...] = ("127.0.0.1",), **changes: Any
    ) -> int:
        try:
            csr = self.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
        except ElementFailure:
            self.call("CreatePublicPrivateKeyPair", commonName="cluster", organization="Org")
            csr = self.call("GetClientCertificateSignRequest")["clientCertificateSignRequest"]
        ca, certificate = server.sign(csr)
        values = {
            "kmipCaCertificate": ca,
            "kmipClientCertificate": certificate,
            "kmipKeyServerHostnames": list(hosts),
            "kmipKeyServerName": name,
            "kmipKeyServerPort": server.port,
        }
        number = self.call("CreateKeyServerKmip", **(values | changes))["kmipKeyServer"]["keyServerID"]
        self.server_ids.append(number)
        return int(number)

    def rekey(self, management: str | None = None, provider: int | None = None) -> dict[str, Any]:
        """Start a rekey and wait for its end."""
        params = {"keyManagementType": management, "keyProviderID": provider}
        handle = self.call("RekeySoftwareEncryptionAtRestMasterKey", **params)["asyncHandle"]
        return self.client().wait(handle, lambda _found: None, 30)


def settings_for(directory: Path, **changes: Any) -> Settings:
    """Quick to give up and to try again, so that tests are."""
    kmip = KmipSettings(call_budget=5.0, host_budget=2.0)
    door = DoorSettings(idle=5.0, request=5.0)
    values = {"kmip": kmip, "door": door, "retry_first": 0.05, "retry_max": 0.2, "fault_interval": 3600.0}
    return Settings(directory=directory, **(values | changes))


@pytest.fixture(scope="session")
def endpoint_identity(memory: Path) -> Path:
    """One certificate for all endpoints: making an RSA key for each would take longer than the tests."""
    endpoint_context(memory / "tls", "127.0.0.1")
    return memory / "tls"


@pytest.fixture
def make_lab(memory: Path, endpoint_identity: Path) -> Iterator[Callable[..., Lab]]:
    """Opened clusters; closed at the end."""
    labs: list[Lab] = []
    base = Path(tempfile.mkdtemp(dir=memory))

    def make(**changes: Any) -> Lab:
        directory = base / f"cluster{len(labs)}"
        lab = Lab(directory, settings_for(directory, **changes))
        labs.append(lab)
        shutil.copytree(endpoint_identity, lab.settings.tls)
        lab.open()
        return lab

    yield make
    for lab in labs:
        lab.close()
    shutil.rmtree(base)


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A created cluster with software encryption at rest."""
    found = make_lab()
    found.create()
    return found


@pytest.fixture
def sdk() -> Any:
    """The real solidfire-sdk-python's factory; it warns while it is imported and while it verifies no certificates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from solidfire.factory import ElementFactory

        yield ElementFactory
