"""A Swift cluster in a folder: proxy, account, container and object server on loopback, one device, one replica.

The proxy's pipeline encrypts; its root secrets come from the KMIP key master. No authentication, no memcached.
"""

from __future__ import annotations

import configparser
import contextlib
import getpass
import http.client
import os
import pickle
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.clients.environment import Environment
from tests.support.server import READY_SECONDS, STOP_SECONDS

KEYMASTER = "keymaster.conf"
_STORAGE = ("account", "container", "object")
_PIPELINE = "catch_errors gatekeeper kmip_keymaster encryption proxy-logging proxy-server"

Section = Mapping[str, object]


@dataclass
class Swift:
    """Its configuration and its processes, between `start` and `stop`."""

    clients: Environment
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def make(cls, clients: Environment, folder: Path) -> Swift:
        made = cls(clients, folder)
        made.ports = dict(zip(("proxy", *_STORAGE), _free_ports(1 + len(_STORAGE)), strict=True))
        (folder / "devices" / "d1").mkdir(parents=True)
        made._write("swift.conf", {"swift-hash": {"swift_hash_path_prefix": "a", "swift_hash_path_suffix": "b"}})
        for service in _STORAGE:
            made._ring(service)
            made._configure_storage(service)
        made._configure_proxy()
        return made

    # Configuration -------------------------------------------------------------------------------------------

    def keymaster(self, settings: Section) -> None:
        """The key master's file; the proxy reads it when it starts."""
        self._write(KEYMASTER, {"kmip_keymaster": settings})

    def _write(self, name: str, sections: Mapping[str, Section]) -> None:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_dict({section: {k: str(v) for k, v in values.items()} for section, values in sections.items()})
        with (self.folder / name).open("w") as file:
            parser.write(file)

    def _defaults(self, service: str) -> dict[str, object]:
        return {
            "bind_ip": "127.0.0.1",
            "bind_port": self.ports[service],
            "swift_dir": self.folder,
            "devices": self.folder / "devices",
            "mount_check": "false",
            "workers": 0,
            "user": getpass.getuser(),  # the servers drop to it
        }

    def _configure_storage(self, service: str) -> None:
        main = {"pipeline": f"{service}-server"}
        app = {"use": f"egg:swift#{service}"}
        self._write(
            f"{service}.conf",
            {"DEFAULT": self._defaults(service), "pipeline:main": main, f"app:{service}-server": app},
        )

    def _configure_proxy(self) -> None:
        sections: dict[str, Section] = {
            "DEFAULT": self._defaults("proxy"),
            "pipeline:main": {"pipeline": _PIPELINE},
            "app:proxy-server": {
                "use": "egg:swift#proxy",
                "account_autocreate": "true",
                "allow_account_management": "true",
            },
            "filter:kmip_keymaster": {
                "use": "egg:swift#kmip_keymaster",
                "keymaster_config_path": self.folder / KEYMASTER,
            },
        }
        for name in ("catch_errors", "gatekeeper", "encryption", "proxy-logging"):
            sections[f"filter:{name}"] = {"use": f"egg:swift#{name.replace('-', '_')}"}
        self._write("proxy.conf", sections)

    def _ring(self, service: str) -> None:
        device = f"r1z1-127.0.0.1:{self.ports[service]}/d1"
        for step in (["create", "2", "1", "0"], ["add", device, "1"], ["rebalance"]):
            command = [self.clients.script("swift-ring-builder"), self.folder / f"{service}.builder", *step]
            done = subprocess.run(command, capture_output=True, text=True, env=self.clients.variables(), check=False)
            assert done.returncode == 0, done.stdout + done.stderr

    # Processes -----------------------------------------------------------------------------------------------

    def start(self, *services: str) -> None:
        for service in services or (*_STORAGE, "proxy"):
            with self.log(service).open("ab") as log:
                self.processes[service] = subprocess.Popen(
                    [self.clients.script(f"swift-{service}-server"), self.folder / f"{service}.conf"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.clients.variables(),
                )
        for service in services or self.ports:
            self._await(service)

    def _await(self, service: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while True:
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.ports[service])):
                return
            assert self.processes[service].poll() is None, self.log(service).read_text()
            assert time.monotonic() < until, f"swift's {service} server does not listen"
            time.sleep(0.05)

    def stop(self, *services: str) -> None:
        for service in services or tuple(self.processes):
            process = self.processes.pop(service)
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()

    def restart_proxy(self) -> None:
        self.stop("proxy")
        self.start("proxy")

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    # What an S3 or Swift user sees, and what lies on the disk --------------------------------------------------

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["proxy"], timeout=READY_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, f"/v1/AUTH_test{path}", body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def lying(self) -> dict[str, bytes]:
        """Every object on the device as it lies there, by the name Swift noted for it: its data and Swift's notes."""
        found = {}
        for path in (self.folder / "devices").rglob("*.data"):
            notes = pickle.loads(os.getxattr(path, "user.swift.metadata"), encoding="bytes")
            found[notes[b"name"].decode()] = path.read_bytes() + repr(notes).encode()
        return found


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
