"""kmipd's commands in this process: a second is too long for each of many commands."""

from __future__ import annotations

import json
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


def store(server: Server, *arguments: object, code: int = 0) -> str:
    """`kmipd store …` on this server's directory."""
    return invoke("store", *arguments, "--dir", server.directory, code=code)


def described(server: Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store(server, "describe", name, "--json"))
    return found
