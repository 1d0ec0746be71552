"""The clients' Python environment, and how a test runs a program in it.

These clients pin old libraries, so they live apart from the tests. `make interop` installs `requirements.txt` and says
in KMIPD_CLIENTS where; without it, the tests of this folder are skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Identity, Server, run

VARIABLE = "KMIPD_CLIENTS"
PROGRAMS = Path(__file__).parent / "programs"
# One program is seconds of work; the rest is for a machine that does other things too.
PROGRAM_SECONDS = 120.0


@dataclass(frozen=True)
class Environment:
    """An interpreter with the clients, and a home without anybody's settings (PyKMIP reads ~/.pykmip)."""

    directory: Path
    home: Path

    @classmethod
    def find(cls, home: Path) -> Environment:
        named = os.environ.get(VARIABLE)
        if named is None:
            pytest.skip("real clients have an environment of their own: run `make interop`")
        return cls(Path(named).absolute(), home)

    def need(self, *packages: str) -> None:
        """Skip where the package index did not have a client."""
        for package in packages:
            if not any(self.directory.glob(f"lib/python*/site-packages/{package}")):
                pytest.skip(f"{package} is not installed in {self.directory}: `make interop` says why")

    def script(self, name: str) -> Path:
        """A console script that a client brought."""
        return self.directory / "bin" / name

    def variables(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
        return {**kept, "HOME": str(self.home)}

    def command(self, program: str) -> list[str]:
        return [str(self.script("python")), str(PROGRAMS / f"{program}.py")]

    def run(self, program: str, **settings: object) -> Any:
        """What a program printed, as JSON; it gets its settings as JSON on standard input."""
        done = subprocess.run(
            self.command(program),
            input=json.dumps(settings, default=str),
            capture_output=True,
            text=True,
            env=self.variables(),
            timeout=PROGRAM_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


def settings(server: Server, who: Identity) -> dict[str, object]:
    """What every KMIP client wants to know."""
    return {"host": server.host, "port": server.port, "cert": who.certificate, "key": who.key, "ca": who.ca}


def add(server: Server, name: str) -> Identity:
    """A client as an operator adds one: by the command line, with an RSA key."""
    out = server.directory.parent / f"{server.directory.name}-clients" / name
    run("client", "add", name, "--dir", server.directory, "--out", out)
    return Identity(name, name, out)


def objects(server: Server, group: str) -> dict[str, dict[str, Any]]:
    """The registry's side: the objects of a group by their unique identifier."""
    listed = json.loads(run("key", "list", "--json", "--group", group, "--dir", server.directory))
    return {one["uid"]: one for one in listed}


def restart(server: Server) -> None:
    """As an operator restarts it: drained, and on its old port again."""
    assert server.stop() == 0
    server.start(KMIPD_PORT=str(server.port))


@contextlib.contextmanager
def folder_with_attributes() -> Iterator[Path]:
    """A folder on a file system that keeps user attributes, as Swift's object server needs (tmpfs: since Linux 6.6)."""
    for parent in dict.fromkeys((tempfile.gettempdir(), "/var/tmp", str(Path.cwd()))):
        with tempfile.TemporaryDirectory(prefix="kmipd-interop.", dir=parent) as made:
            try:
                os.setxattr(made, "user.kmipd", b"1")
            except OSError:
                continue
            yield Path(made)
            return
    pytest.skip("no file system here keeps user attributes, which Swift's object server needs")
