"""The least that a Python server can do for a request, and so the most it can reach: what KMIP costs comes on top.

It reads a TLS record, makes the call into the token that the operation cannot do without, appends a line to a log, and
sends an answer of fixed bytes: no message is read, nobody's rights are looked at, nothing is looked up. For Create it
commits one row of one table. One thread, one connection, by the same store and the same client as everything else here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ceilings
import servers

from kmipd import app, config
from kmipd.core.ports import CipherParameters, KeyTemplate
from kmipd.load import measure
from kmipd.spec.enumerations import BlockCipherMode
from kmipd.spec.enumerations import CryptographicAlgorithm as CA
from kmipd.spec.enumerations import PaddingMethod as P
from kmipd.spec.masks import CryptographicUsageMask as M

_LINE = b"x" * 199 + b"\n"  # of the audit log
_ROW = 1_100  # bytes of an object's row
_MATERIAL = 32  # bytes of an AES-256 key; sealed with its structure it has some 160
_DATA = 1_024  # bytes to encrypt, as in kmipd.load.scenarios


def main(ours: Path, seconds: float) -> None:
    """Prints the rates, each beside the name of the operation."""
    application = app.compose(config.load(ours, {}))
    application.store.connect()
    with _works(application, ours) as works:
        for name, work in works.items():
            print(name, _rate(ours, seconds, work))
    application.close()


@contextlib.contextmanager
def _works(application: app.Application, ours: Path) -> Iterator[dict[str, Callable[[], object]]]:
    store, services = application.store, application.services
    template = KeyTemplate(algorithm=CA.AES, length=256, extractable=True, usage=M.ENCRYPT | M.DECRYPT)
    key = store.generate_key(secrets.token_bytes(16), template)
    kek = ceilings.wrapping_key(services)
    sealed = store.seal(kek, bytes(160), b"aad")
    mode = BlockCipherMode.CBC
    cbc = CipherParameters(algorithm=CA.AES, block_cipher_mode=mode, padding_method=P.PKCS5, iv=bytes(16))
    table = sqlite3.connect(ours / "least.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE o (row BLOB)"):
        table.execute(statement)

    def create() -> None:
        blob = store.seal(kek, store.random(_MATERIAL) + bytes(128), b"aad")
        table.execute("INSERT INTO o VALUES (?)", (blob.ljust(_ROW),))

    try:
        yield {
            "echo": lambda: None,
            "get resident": lambda: store.release(key),
            "get wrapped": lambda: store.unseal(kek, sealed, b"aad"),
            "encrypt resident": lambda: store.encrypt(key, cbc, bytes(_DATA)),
            "create wrapped": create,
        }
    finally:
        store.destroy(key.cka_id)
        table.close()


def _rate(ours: Path, seconds: float, work: Callable[[], object]) -> float:
    """Answers a second, to a client in another process."""
    log = os.open(ours / "least.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, __file__, str(ours), str(seconds), str(listener.getsockname()[1])]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        raw, _ = listener.accept()
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with servers.echo_context(ours / "tls" / "copy").wrap_socket(raw, server_side=True) as sock:
        _serve(sock, log, work)
    os.close(log)
    output, _ = client.communicate(timeout=60)
    return float(output)


def _serve(sock: ssl.SSLSocket, log: int, work: Callable[[], object]) -> None:
    sock.setblocking(False)
    answer = bytes(ceilings.ANSWER)
    armed = select.EPOLLIN | select.EPOLLONESHOT
    with select.epoll() as waiting, contextlib.suppress(OSError):
        waiting.register(sock, armed)
        while True:
            waiting.poll(60, 1)
            try:
                if not sock.read(16_384):
                    return
                work()
                os.write(log, _LINE)
                sock.send(answer)
            except ssl.SSLWantReadError:
                pass
            waiting.modify(sock, armed)


def _ask(ours: Path, seconds: float, port: int) -> None:
    sock = measure.Client(servers.target(port, ours / "resident")).sock
    print(ceilings.asked(sock, seconds) / seconds)
    sock.close()


if __name__ == "__main__":
    folder, duration, *port_of_the_client = sys.argv[1:]
    if port_of_the_client:
        _ask(Path(folder), float(duration), int(port_of_the_client[0]))
    else:
        main(Path(folder), float(duration))
