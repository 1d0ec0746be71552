"""HTTPS for the Element API: a bounded number of threads, HTTP/1.1 read by h11, a deadline on everything."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable

import h11

from kmipd.cluster.clock import Deadline
from kmipd.cluster.element.dispatch import Request, Response
from kmipd.cluster.settings import DoorSettings

log = logging.getLogger(__name__)
_CHUNK = 64 * 1024
_BACKLOG = 128


class Refused(Exception):
    """The request is answered with this status and the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Connection:
    """One client's connection, in a thread of its own."""

    def __init__(self, sock: ssl.SSLSocket, answer: Callable[[Request], Response], settings: DoorSettings) -> None:
        self._socket, self._answer, self._settings = sock, answer, settings
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=settings.max_header)

    def run(self) -> None:
        """Serve requests until the client leaves, idles too long or misbehaves."""
        while True:
            try:
                request = self._read()
                if request is None:
                    return
                response = self._answer(request)
            except Refused as refused:
                self._send(Response(refused.status, refused.reason, "text/plain", refused.reason.encode()))
                return
            except h11.RemoteProtocolError as error:
                if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                    status = error.error_status_hint
                    self._send(Response(status, "Bad Request", "text/plain", b"Bad Request"))
                return
            self._send(response)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    def _read(self) -> Request | None:
        idle = Deadline(self._settings.idle)
        event = self._event(idle)
        while event is h11.NEED_DATA:
            event = self._event(idle)
        if not isinstance(event, h11.Request):
            return None
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
        return Request(
            event.method.decode("ascii"),
            event.target.decode("ascii"),
            headers.get("authorization"),
            self._body(headers.get("content-length", "0")),
        )

    def _body(self, announced: str) -> bytes:
        deadline, body = Deadline(self._settings.request), bytearray()
        if announced.isdigit() and int(announced) > self._settings.max_body:
            raise Refused(413, "Content Too Large")
        if self._http.they_are_waiting_for_100_continue:
            continuing = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._transmit(self._http.send(continuing))
        while True:
            event = self._event(deadline)
            if isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._settings.max_body:
                    raise Refused(413, "Content Too Large")
            elif isinstance(event, h11.EndOfMessage):
                return bytes(body)
            elif event is not h11.NEED_DATA:
                raise h11.RemoteProtocolError("the body ended early")
            if deadline.spent:
                raise Refused(408, "Request Timeout")

    def _event(self, deadline: Deadline) -> object:
        """The next event; receives once when more is needed."""
        event = self._http.next_event()
        if event is h11.NEED_DATA:
            if deadline.spent:
                raise TimeoutError
            self._socket.settimeout(max(deadline.left, 0.001))
            self._http.receive_data(self._socket.recv(_CHUNK))
        return event

    def _send(self, response: Response) -> None:
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            *response.headers,
        ]
        if self._http.their_state is not h11.DONE:
            headers.append(("Connection", "close"))
        head = h11.Response(status_code=response.status, headers=headers, reason=response.reason.encode())
        parts = (head, h11.Data(data=response.body), h11.EndOfMessage())
        self._transmit(b"".join(self._http.send(part) or b"" for part in parts))

    def _transmit(self, data: bytes | None) -> None:
        self._socket.settimeout(self._settings.request)
        self._socket.sendall(data or b"")


class Server:
    """Accepts connections. `answer` is called from many threads."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, answer: Callable[[Request], Response], s: DoorSettings
    ) -> None:
        self._listener, self._context, self._answer, self._settings = listener, context, answer, s
        self._slots = threading.BoundedSemaphore(s.max_connections)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="element", daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more connections; those that are open end."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        with self._lock:
            threads = dict(self._open)
        for sock, thread in threads.items():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            self._slots.acquire()
            try:
                sock, address = self._listener.accept()
            except OSError as error:
                self._slots.release()
                if self._stopping.is_set():
                    return
                log.warning("accepting a connection failed: %s", error)
                self._stopping.wait(0.1)  # out of descriptors, most likely: give them time to come back
                continue
            thread = threading.Thread(target=self._serve, args=(sock, address[0]), name="element-client", daemon=True)
            with self._lock:
                self._open[sock] = thread
            thread.start()

    def _serve(self, sock: socket.socket, peer: str) -> None:
        tls: ssl.SSLSocket | None = None
        try:
            sock.settimeout(self._settings.handshake)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            with self._lock:
                self._open[tls] = self._open.pop(sock)
            tls.do_handshake()
            Connection(tls, self._answer, self._settings).run()
        except OSError as error:
            log.debug("%s: %s", peer, error)
        except Exception:
            log.exception("%s: the connection failed", peer)
        finally:
            used = tls or sock
            with contextlib.suppress(OSError):
                used.close()
            with self._lock:
                self._open.pop(used, None)
            self._slots.release()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket for a name or address, IPv4 or IPv6; port 0 takes a free one."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
