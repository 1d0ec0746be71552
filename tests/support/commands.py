"""kmipd's commands in this process: a second is too long for each of many commands."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from kmipd.cli import main
from tests.support.server import Server


def invoke(*arguments: object, code: int = 0) -> str:
    """What the command printed, standard error included; an AssertionError unless it ended with `code`."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, f"kmipd {' '.join(map(str, arguments))}: {result.exit_code}: {result.output}"
    return result.output


def interrupted(*arguments: object, at: Path) -> tuple[int, str]:
    """Exit code and errors of a command that gets a Ctrl-C once the file `at` is there. It is a process of its own."""
    reset = ["env", "--default-signal=INT"]  # what runs in the background of a shell ignores it, and so would ours
    command = [*reset, sys.executable, "-m", "kmipd", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        end = time.monotonic() + 60
        while not at.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    return process.returncode, said.strip()


def store(server: Server, *arguments: object, code: int = 0) -> str:
    """`kmipd store …` on this server's directory."""
    return invoke("store", *arguments, "--dir", server.directory, code=code)


def described(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store(server, "describe", name, "--json"))
    return found


def until_health(server: Server, name: str, health: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (found := described(server, name))["health"] != health:
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found
