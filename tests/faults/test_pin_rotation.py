"""A change of the PIN is killed at every step, again and again: the token can always be opened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import described, store
from tests.support.effort import THOROUGH
from tests.support.server import Server
from tests.support.tokens import SpareToken

ROOT = Path(__file__).parent.parent.parent
KILLS = 100 if THOROUGH else 24  # of a dozen steps: each is met twice
STEPS_MIN = 8  # before and after: remember, C_Login, C_SetPIN, promote


def kill_again_and_again(directory: Path, name: str) -> int:
    """How many steps an attempt has; that every attempt which was not killed succeeded is the killer's to see."""
    command = [sys.executable, "-m", "tests.faults.pin_killer", str(directory), name, str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
def test_a_rotation_killed_at_each_step(own_server: Server, tmp_path: Path) -> None:
    token = SpareToken.make(tmp_path / "hsm2", "two")
    store(own_server, "create", "hsm2", *token.options(), "--rotate-pin")
    assert kill_again_and_again(own_server.directory, "hsm2") >= STEPS_MIN
    store(own_server, "disconnect", "hsm2")
    store(own_server, "connect", "hsm2")
    assert described(own_server, "hsm2")["members"][0]["pin_rotated"]
    assert not (own_server.directory / "hsm2@first.lock.pin-refused").exists()
    assert token.pin not in own_server.directory.joinpath("registry.db").read_bytes().decode("latin-1")


@pytest.mark.slow
def test_the_root_stores_rotation_killed_at_each_step(own_server: Server) -> None:
    own_server.configure("store", rotate_pin=True)
    pin = own_server.directory / "pin"
    before = pin.read_text()
    assert kill_again_and_again(own_server.directory, "main") >= STEPS_MIN
    assert pin.read_text() != before
    assert pin.stat().st_mode & 0o777 == 0o600
    own_server.start(workers=1)
    assert described(own_server, "main")["health"] == "UP"
    assert sorted(path.name for path in own_server.directory.glob("pin*")) == ["pin"]
