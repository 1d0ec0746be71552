"""The process is killed at every step of create, re-key and destroy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

ROOT = Path(__file__).parent.parent.parent
SHARES = 2  # the steps are dealt out, so that two cores can work on them
SECONDS = 280


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_step(tmp_path: Path, share: int) -> None:
    server = Server.make(tmp_path / "kmipd").configure("groups.wrapped", placement="wrapped")
    command = [
        sys.executable,
        "-m",
        "tests.faults.crasher",
        str(server.directory),
        str(1 + share),
        "10000",
        str(SHARES),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [t for t in tries if t["wrong"]] == []
    assert tries[-1]["done"], "the last try must get through all the steps"
    assert len(tries) > 60, "there are more steps than that"
    print(f"killed at {len(tries) - 1} steps, up to step {tries[-2]['step']}")
