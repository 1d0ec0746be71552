"""The process is killed at every step of create, re-key and destroy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.clones import Clones
from tests.support.commands import store
from tests.support.effort import THOROUGH
from tests.support.server import Server

ROOT = Path(__file__).parent.parent.parent
SHARES = 2  # the steps are dealt out, so that two cores can work on them
STRIDE = 1 if THOROUGH else 5  # of one share: a fifth of all steps takes a minute instead of five
SECONDS = 280
CLONES_STRIDE = 13 if THOROUGH else 37  # prime, so that it falls on calls of every kind; all of them would take minutes


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_step(tmp_path: Path, share: int) -> None:
    server = Server.make(tmp_path / "kmipd").configure("groups.wrapped", placement="wrapped")
    tries = killed(server, 1 + share, SHARES * STRIDE)
    assert len(tries) > 60 // STRIDE, "there are more steps than that"


@pytest.mark.timeout(300)
def test_clones_killed_at_every_so_many_steps(own_server: Server, tmp_path: Path) -> None:
    """A key that was answered is in both members, the same one; nothing else is in any."""
    own_server.configure("groups.resident", store="ha").configure("groups.wrapped", store="ha", placement="wrapped")
    Clones.make(own_server, tmp_path)
    store(own_server, "connect", "ha")
    tries = killed(own_server, 1, CLONES_STRIDE)
    assert len(tries) > 260 // CLONES_STRIDE, "there are more steps than that"


def killed(server: Server, first: int, stride: int) -> list[dict[str, Any]]:
    """Kill at the first step and then at every `stride`-th, until there are no more; what was found each time."""
    command = [sys.executable, "-m", "tests.faults.crasher", str(server.directory), str(first), "10000", str(stride)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    tries: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [t for t in tries if t["wrong"]] == []
    assert tries[-1]["done"], "the last try must get through all the steps"
    print(f"killed at {len(tries) - 1} steps, up to step {tries[-2]['step']}")
    return tries
