"""The main job, played through with the real commands: what `kmipd demo` and `make demo` show.

Every step is a command a newcomer can type; this file only runs them in order, watches their exit codes, and ends the
two servers it started. It uses no shortcut that a user does not have.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kmipd import config
from kmipd.trust import files

START_SECONDS = 60.0
STOP_SECONDS = 30.0
SECRET_TEXT = "the quick brown array jumps over the lazy key server"
Say = Callable[[str], None]


class DemoError(Exception):
    """A step failed: which, and what it said."""


@dataclass(slots=True)
class Demo:
    """One run in one new directory."""

    directory: Path
    say: Say
    environment: dict[str, str] = field(default_factory=dict)
    step_number: int = 0

    def step(self, title: str) -> None:
        self.step_number += 1
        self.say(f"\n{self.step_number}. {title}")

    def run(self, *arguments: str, quiet: bool = False) -> str:
        """A kmipd command, shown as it is typed."""
        return self.program([sys.executable, "-m", "kmipd", *arguments], shown=["kmipd", *arguments], quiet=quiet)

    def program(self, command: list[str], *, shown: list[str], quiet: bool = False) -> str:
        text = shlex.join(shown).replace(str(self.directory), "$D")
        self.say(f"   $ {text}")
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        output = done.stdout + done.stderr
        if done.returncode:
            raise DemoError(f"`{text}` ended with exit code {done.returncode}:\n{output}")
        if not quiet:
            for line in output.replace(str(self.directory), "$D").splitlines():
                self.say(f"     {line}")
        return done.stdout

    @contextmanager
    def server(self, *arguments: str, port: int) -> Iterator[None]:
        """A server in the background, ended when the block is left."""
        self.say(f"   $ {shlex.join(['kmipd', *arguments]).replace(str(self.directory), '$D')} &")
        log = self.directory / f"{arguments[0]}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "kmipd", *arguments],
                env=os.environ | self.environment,
                stdout=output,
                stderr=output,
            )
        try:
            _wait(process, port, log)
            yield
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise DemoError(f"the server ended with exit code {process.returncode}:\n{log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DemoError(f"nothing serves port {port} after {START_SECONDS:.0f} s:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def play(directory: Path, say: Say) -> None:
    """All steps; DemoError names the one that failed."""
    demo = Demo(directory, say)
    say(f"Everything is made in D={directory}")
    server, cluster = directory / "kmipd", directory / "cluster"
    kmip_port, element_port = _free_ports(2)
    _make_server(demo, server, kmip_port)
    with demo.server("serve", "--dir", str(server), port=kmip_port):
        serve = ("cluster", "serve", "--dir", str(cluster), "--listen", f"127.0.0.1:{element_port}")
        demo.environment |= _cluster_environment(directory, cluster, element_port)
        with demo.server(*serve, port=element_port):
            _make_cluster(demo)
            _establish_trust(demo, server, kmip_port)
            _rekey(demo)
            _show_token(demo, server)
        demo.step("Restart the cluster: the master key is not in it, it comes over KMIP")
        with demo.server(*serve, port=element_port):
            _read_back(demo)


def _cluster_environment(directory: Path, cluster: Path, port: int) -> dict[str, str]:
    password = directory / "cluster-password"
    files.write(password, secrets.token_urlsafe(18).encode(), files.SECRET)
    return {
        "KMIPD_CLUSTER_TARGET": f"https://127.0.0.1:{port}",
        "KMIPD_CLUSTER_CA": str(cluster / "tls" / "cert.pem"),
        "KMIPD_CLUSTER_PASSWORD": password.read_text(),
    }


def _make_server(demo: Demo, server: Path, port: int) -> None:
    demo.step("Make a key server: a new SoftHSM2 token, an authority, a server certificate, a registry")
    demo.run("init", "--dir", str(server), "--host", "127.0.0.1", "--port", str(port))
    settings = server / config.FILE
    # The demo's clients are gone at once, so nothing has to be waited for when the server stops.
    with settings.open("a") as file:
        file.write("\n[limits]\ndrain_idle = 0.2\n")
    demo.step("Start the key server and a storage cluster")


def _make_cluster(demo: Demo) -> None:
    demo.step("Create the cluster: software encryption at rest begins with an internal master key")
    demo.run("cluster", "create")
    demo.run("cluster", "info")
    demo.step("Write data to an encrypted volume")
    secret = demo.directory / "data.txt"
    secret.write_text(SECRET_TEXT)
    demo.run("cluster", "volume", "create", "vol1", "--size", "65536")
    demo.run("cluster", "volume", "write", "1", "--in", str(secret))
    found = [
        p for p in (demo.directory / "cluster").rglob("*") if p.is_file() and SECRET_TEXT.encode() in p.read_bytes()
    ]
    if found:
        raise DemoError(f"the data stands in clear in {found[0]}")
    demo.say("     the text is in no file of the cluster in clear")


def _establish_trust(demo: Demo, server: Path, port: int) -> None:
    signed = demo.directory / "signed"
    demo.step("The cluster makes its key pair and asks for a certificate; its private key never leaves it")
    demo.run("cluster", "create-key-pair", "--common-name", "cluster1", "--organization", "Example")
    demo.run("cluster", "csr", "--out", str(demo.directory / "cluster1.csr"))
    demo.step("The key server's authority signs it, and so enrols the cluster as a client")
    csr = str(demo.directory / "cluster1.csr")
    demo.run("client", "sign", "cluster1", "--csr", csr, "--dir", str(server), "--out", str(signed))
    demo.step("The cluster is told of the key server, by a provider and a server with certificates for both directions")
    demo.run("cluster", "create-key-provider", "--name", "kmipd")
    demo.run(
        *("cluster", "add-key-server", "--name", "eks", "--host", "127.0.0.1", "--port", str(port)),
        *("--ca-cert", str(signed / "ca.pem"), "--client-cert", str(signed / "cert.pem")),
    )
    demo.step("TestKeyServerKmip: TLS both ways, KMIP version, operations, permission")
    demo.run("cluster", "test-key-server", "1")
    demo.run("cluster", "assign", "1", "--provider", "1")
    demo.step("TestKeyProviderKmip, ListKeyProvidersKmip")
    demo.run("cluster", "test-key-provider", "1")
    demo.run("cluster", "list-key-providers")


def _rekey(demo: Demo) -> None:
    demo.step("RekeySoftwareEncryptionAtRestMasterKey: from internal to external management")
    demo.run("cluster", "rekey", "--to", "external", "--provider", "1", "--wait")
    demo.run("cluster", "info")


def _show_token(demo: Demo, server: Path) -> None:
    demo.step("The master key is an object in the PKCS#11 token: seen by the server, and by another tool")
    demo.run("key", "list", "--dir", str(server))
    key = json.loads(demo.run("key", "list", "--dir", str(server), "--json", quiet=True))[-1]
    settings = config.load(server, {})
    demo.environment["SOFTHSM2_CONF"] = str(settings.store.softhsm2_conf)
    demo.environment["KMIPD_DEMO_PIN"] = settings.store.pin_file.read_text().strip()
    arguments = ["--module", str(settings.store.module), "--token-label", settings.store.token_label]
    arguments += ["--login", "--pin", "env:KMIPD_DEMO_PIN", "--list-objects", "--type", "secrkey"]
    listed = demo.program(["pkcs11-tool", *arguments], shown=["pkcs11-tool", *arguments])
    del demo.environment["KMIPD_DEMO_PIN"], demo.environment["SOFTHSM2_CONF"]
    if key["placement"] != "resident" or key["uid"] not in listed:
        raise DemoError(f"pkcs11-tool does not show the key {key['uid']} in the token")
    demo.say(f"     {key['uid']} is the master key; its value cannot be read (CKR_ATTRIBUTE_SENSITIVE)")


def _read_back(demo: Demo) -> None:
    copy = demo.directory / "read-back.txt"
    demo.run("cluster", "volume", "read", "1", "--length", str(len(SECRET_TEXT)), "--out", str(copy))
    if copy.read_text() != SECRET_TEXT:
        raise DemoError("the data read back is not the data that was written")
    demo.say(f"     {SECRET_TEXT!r}: written before the rekey, read after it")
