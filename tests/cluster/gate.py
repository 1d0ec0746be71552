"""A way to a key server that can be shut and opened in no time, where restarting the server takes seconds."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.cluster.conftest import KeyServer, free_port


class Gate:
    """Stands in for a KeyServer: relays bytes while it is open; refuses connections while it is shut."""

    def __init__(self, server: KeyServer) -> None:
        self._server = server
        self.port = free_port()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.start()

    def sign(self, csr: str, name: str | None = None) -> tuple[str, str]:
        return self._server.sign(csr, name)

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._spawn(self._accept, self._listener)

    def stop(self) -> None:
        """Shut it, also under those who are inside."""
        listener, self._listener = self._listener, None
        with self._lock:
            sockets, self._sockets = [*self._sockets, *([listener] if listener else [])], []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()
        for sock in sockets:
            sock.close()

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                inside, _ = listener.accept()
            except OSError:
                return
            outside = socket.create_connection(("127.0.0.1", self._server.port), 5)
            with self._lock:
                self._sockets += [inside, outside]
            self._spawn(_copy, inside, outside)
            self._spawn(_copy, outside, inside)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        source.settimeout(60)
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
