"""The servers that are measured side by side: ours, PyKMIP's, and the ceiling of any Python TLS server."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kmipd.load.client import Target
from kmipd.spec.versions import V1_4

BIN = Path(sys.executable).parent
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of the processes, from /proc."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return found
    for child in children:
        found += family(int(child))
    return found


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def kmipd(*arguments: str) -> None:
    subprocess.run([str(BIN / "kmipd"), *arguments], check=True, stdout=subprocess.DEVNULL)


def target(port: int, identity: Path) -> Target:
    return Target(
        host="127.0.0.1",
        port=port,
        certificate=identity / "cert.pem",
        key=identity / "key.pem",
        ca=identity / "ca.pem",
        version=V1_4,
    )


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode} before it was ready")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nobody serves port {port} after {START_SECONDS:.0f} s")


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End it, and only it, in the end."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextmanager
def our_server(directory: Path, port: int, workers: int) -> Iterator[subprocess.Popen[bytes]]:
    """kmipd on a new SoftHSM2 token; clients `resident` and `wrapped` differ in where their keys go."""
    kmipd("init", "--dir", str(directory), "--port", str(port), "--key-type", "ec")
    with (directory / "kmipd.toml").open("a") as file:
        file.write('\n[groups.wrapped]\nplacement = "wrapped"\n\n[limits]\ndrain_idle = 0.2\n')
    for name in ("resident", "wrapped"):
        kmipd("client", "add", name, "--dir", str(directory), "--out", str(directory / name), "--key-type", "ec")
    environment = os.environ | {"KMIPD_HOST": "127.0.0.1", "KMIPD_LOG_LEVEL": "warning"}
    command = [str(BIN / "kmipd"), "serve", "--dir", str(directory), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    with running(process):
        assert process.stdout is not None
        ready = process.stdout.readline()
        if b"is ready" not in ready:
            raise RuntimeError("kmipd did not start")
        yield process


_PYKMIP = """\
[server]
hostname=127.0.0.1
port={port}
certificate_path={identity}/cert.pem
key_path={identity}/key.pem
ca_path={identity}/ca.pem
auth_suite=TLS1.2
policy_path={directory}/policy
enable_tls_client_auth=False
logging_level=ERROR
database_path={directory}/pykmip.db
"""
_PYKMIP_MAIN = "import warnings; warnings.simplefilter('ignore');from kmip.services.server.server import main; main()"


@contextmanager
def pykmip_server(directory: Path, port: int, identity: Path) -> Iterator[subprocess.Popen[bytes]]:
    """PyKMIP's server on SQLite, with our certificates."""
    (directory / "policy").mkdir(parents=True)
    configuration = directory / "server.conf"
    configuration.write_text(_PYKMIP.format(port=port, identity=identity, directory=directory))
    command = [sys.executable, "-c", _PYKMIP_MAIN, "-f", str(configuration), "-l", str(directory / "log")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with running(process):
        wait_for(port, process)
        yield process


def echo_context(identity: Path) -> ssl.SSLContext:
    """Mutual TLS by the library's defaults."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity / "cert.pem", identity / "key.pem")
    context.load_verify_locations(identity / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Echo:
    """The ceiling: a blocking thread a connection that reads a TLS message and sends a fixed answer."""

    def __init__(self, identity: Path, answer_size: int) -> None:
        self._context = echo_context(identity)
        self._answer = bytes(answer_size)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        try:
            with self._context.wrap_socket(raw, server_side=True) as sock:
                while sock.recv(65_536):
                    sock.sendall(self._answer)
        except OSError:
            return

    def close(self) -> None:
        self._listener.close()
