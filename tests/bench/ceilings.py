"""What no server of this kind can beat: a TLS echo, the token called directly, and the two with nothing else around."""

from __future__ import annotations

import resource
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import servers

from kmipd import app, config
from kmipd.core import vault
from kmipd.core.ports import KeyTemplate
from kmipd.core.services import Services
from kmipd.load import measure
from kmipd.spec.enumerations import CryptographicAlgorithm

ANSWER = 296  # bytes of a Get response
REQUEST = 168  # bytes of a Get request
_GENERATE = KeyTemplate(algorithm=CryptographicAlgorithm.AES, length=256)


def measure_all(ours: Path, seconds: float) -> dict[str, float]:
    """Microseconds of CPU, and rates."""
    return _in_child("echo", ours, seconds) | _in_child("token", ours, seconds)


def least(ours: Path, seconds: float) -> dict[str, float]:
    """Answers a second over one connection, by operation: see `least.py`."""
    return _printed([sys.executable, str(Path(__file__).with_name("least.py")), str(ours), str(seconds)])


def generate_rate(ours: Path, seconds: float) -> float:
    """C_GenerateKey of a token object, a second."""
    return _in_child("generate", ours, seconds)["generate_per_second"]


def _in_child(what: str, ours: Path, seconds: float) -> dict[str, float]:
    """In a process of its own, so that its CPU time is its own."""
    return _printed([sys.executable, __file__, what, str(ours), str(seconds)])


def _printed(command: list[str]) -> dict[str, float]:
    """Names and the numbers behind them, a line each."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {name: float(value) for name, value in (line.rsplit(maxsplit=1) for line in done.stdout.splitlines())}


def _echo(ours: Path, seconds: float) -> None:
    """The server's share of the CPU: the process's less the client's, which runs in another one."""
    server = servers.Echo(ours / "tls" / "copy", ANSWER)
    client = subprocess.Popen(
        [sys.executable, __file__, "echo-client", str(ours), str(seconds), str(server.port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    before = resource.getrusage(resource.RUSAGE_SELF)
    output, _ = client.communicate(timeout=seconds + 60)
    after = resource.getrusage(resource.RUSAGE_SELF)
    requests = int(output)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("echo_cpu_us", used / requests * 1e6)
    print("echo_per_second", requests / seconds)


def _echo_client(ours: Path, seconds: float, port: int) -> None:
    target = servers.target(port, ours / "resident")
    print(asked(measure.Client(target).sock, seconds))


def asked(sock: ssl.SSLSocket, seconds: float) -> int:
    """How many requests the server at the other end answers in that time, one after the other."""
    message, requests, until = bytes(REQUEST), 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        sock.sendall(message)
        received = 0
        while received < ANSWER:
            received += len(sock.recv(65_536))
        requests += 1
    return requests


def wrapping_key(services: Services) -> bytes:
    """One that the server has made, or a new one."""
    vault.ensure_wrapping_key(services, services.store)
    taken = services.registry.take_wrapping_use(services.store.name)
    assert taken is not None
    return taken


def _token(ours: Path) -> None:
    """Through the store, one thread: a few µs above the C calls themselves."""
    application = app.compose(config.load(ours, {}))
    store, services = application.store, application.services
    store.connect()
    key = store.generate_key(
        secrets.token_bytes(16), KeyTemplate(algorithm=CryptographicAlgorithm.AES, length=256, extractable=True)
    )
    print("release_us", _cpu(lambda: store.release(key)))
    kek = wrapping_key(services)
    sealed = store.seal(kek, bytes(160), b"aad")
    print("unseal_us", _cpu(lambda: store.unseal(kek, sealed, b"aad")))
    store.destroy(key.cka_id)
    application.close()


def _cpu(call: Callable[[], object]) -> float:
    call()
    start = time.process_time()
    for _ in range(5_000):
        call()
    return (time.process_time() - start) / 5_000 * 1e6


def _generate(ours: Path, seconds: float) -> None:
    """C_GenerateKey of a token object, by python-pkcs11 alone, in the same token."""
    from pkcs11 import Attribute, KeyType

    from kmipd_pkcs11.module import open_module

    section = config.load(ours, {}).store
    environment = {} if section.softhsm2_conf is None else {"SOFTHSM2_CONF": str(section.softhsm2_conf)}
    module = open_module(section.module, environment)
    module.initialize()
    token = next(t for t in module.tokens() if t.label == section.token_label)
    pin = section.pin_file.read_text().strip()
    with token.open(rw=True, user_pin=pin) as session:
        made, start = [], time.perf_counter()
        while time.perf_counter() - start < seconds:
            template = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: True, Attribute.MODIFIABLE: False}
            identifier = secrets.token_bytes(16)
            made.append(
                session.generate_key(KeyType.AES, 256, store=True, id=identifier, label="bench", template=template)
            )
        rate = len(made) / (time.perf_counter() - start)
        for key in made:
            key.destroy()
    print("generate_per_second", rate)


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        _echo(Path(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1] == "echo-client":
        _echo_client(Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == "generate":
        _generate(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        _token(Path(sys.argv[2]))
