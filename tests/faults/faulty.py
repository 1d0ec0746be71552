"""A real kmipd whose token misbehaves at will: the fault-injecting module in front of its SoftHSM2."""

from __future__ import annotations

import tomllib
from pathlib import Path

from kmipd import config
from tests.support.server import Server
from tests.tokens.faults import Faults


def put_between(server: Server, library: Path) -> Faults:
    """The module of `server`, which is not started yet, goes behind the faulty one."""
    path = server.directory / config.FILE
    text = path.read_text()
    module = tomllib.loads(text)["store"]["module"]
    faults = Faults(library, Path(module).resolve(), server.directory)
    path.write_text(text.replace(f'"{module}"', f'"{faults.module}"'))
    return faults
