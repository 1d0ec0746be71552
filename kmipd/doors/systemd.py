"""systemd: sockets it hands over, and what it wants to be told (sd_listen_fds(3), sd_notify(3),
sd_watchdog_enabled(3))."""

from __future__ import annotations

import os
import socket

_FIRST_FD = 3


def inherited_listeners() -> list[socket.socket]:
    """The listening sockets of a socket unit: they outlive us, so that a restart is a queue and never a refusal."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    return [socket.socket(fileno=_FIRST_FD + n) for n in range(int(os.environ.get("LISTEN_FDS", "0")))]


def watchdog_seconds() -> float | None:
    """How often the service manager wants to hear WATCHDOG=1, with a margin; None when it does not."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    if not wanted.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(wanted) / 2_000_000


def notify(*lines: str) -> None:
    """Tell the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto("\n".join(lines).encode(), address)
