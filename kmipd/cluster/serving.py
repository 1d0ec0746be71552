"""Running a cluster: its directory, its endpoint, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from kmipd.cluster.cluster import Cluster
from kmipd.cluster.element.dispatch import Dispatcher
from kmipd.cluster.element.server import Server, listen
from kmipd.cluster.errors import ClusterError
from kmipd.cluster.identity import endpoint_context
from kmipd.cluster.settings import Settings

log = logging.getLogger(__name__)


class Running:
    """A cluster and its endpoint. Close it to end both."""

    def __init__(self, cluster: Cluster, host: str, port: int) -> None:
        self.cluster = cluster
        settings = cluster.settings
        context, self.certificate = endpoint_context(settings.tls, host)
        try:
            listener = listen(host, port)
        except OSError as error:
            raise ClusterError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        self.server = Server(listener, context, Dispatcher(cluster).answer, settings.door)

    def start(self) -> None:
        self.cluster.start()
        self.server.start()

    def close(self) -> None:
        self.server.stop()
        self.cluster.close()


def serve(settings: Settings, host: str, port: int, ready: Callable[[int, Path], None]) -> None:
    """Serve in the foreground until SIGTERM or SIGINT. `ready` gets the port and the path of the certificate."""
    cluster = Cluster(settings)
    try:
        running = Running(cluster, host, port)
    except BaseException:
        cluster.close()
        raise
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    running.start()
    try:
        ready(running.server.port, running.certificate)
        stop.wait()
    finally:
        running.close()
