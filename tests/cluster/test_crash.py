"""The process is killed at every step of a rekey; whatever was acknowledged is there, and the rekey finishes.

Each crash happens in a child made by fork from a process without threads (the zygote), so that hundreds are affordable.
KMIPD_CRASH_ROUNDS=n runs every step in every direction n times; without it, every step once and the crucial ones in
every direction.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmipd.cluster.rekey import STEPS
from tests.cluster.conftest import KeyServer, Lab

CRASHED = 70
ROUNDS = int(os.environ.get("KMIPD_CRASH_ROUNDS", "0"))
CRUCIAL = ("create.made", "rewrap.verified", "rewrap.switched", "decommission.destroyed")
VOLUMES = 70  # more than one batch of rewrapping
DIRECTIONS = [("internal", "external"), ("external", "external"), ("external", "internal"), ("internal", "internal")]
CASES = [
    (start, goal, step)
    for start, goal in DIRECTIONS
    for step in (STEPS if ROUNDS or (start, goal) == ("external", "external") else CRUCIAL)
    # An internal key is neither activated nor revoked.
    if not (step == "create.activated" and goal == "internal")
    and not (step == "decommission.revoked" and start == "internal")
]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Any]:
    script = Path(__file__).with_name("zygote.py")
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdin is not None
        assert p.stdout is not None
        stdin, stdout = p.stdin, p.stdout

        def run(**job: Any) -> int:
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
            return int(stdout.readline())

        yield run
        stdin.close()
        assert p.wait(10) == 0


@pytest.fixture(scope="module")
def crash_lab(memory: Path, key_server: KeyServer) -> Iterator[tuple[Lab, int, list[int]]]:
    """One cluster that lives through all crashes, with a provider and many volumes."""
    from tests.cluster.conftest import settings_for

    lab = Lab(memory / "crashes", settings_for(memory / "crashes"))
    lab.open()
    lab.create()
    provider = lab.trust(key_server)
    volumes = []
    for number in range(VOLUMES):
        volume = lab.cluster.volumes.create(f"v{number}", 4096)
        lab.cluster.volumes.write(volume.id, 0, f"data of {number}".encode())
        volumes.append(volume.id)
    lab.close()
    yield lab, provider, volumes
    lab.close()


@pytest.mark.parametrize("round_", range(max(ROUNDS, 1)))
@pytest.mark.parametrize(("start", "goal", "step"), CASES)
def test_killed_at(zygote: Any, crash_lab: Any, start: str, goal: str, step: str, round_: int) -> None:
    lab, provider, volumes = crash_lab
    job = {"directory": str(lab.directory), "provider": provider}
    assert zygote(**job, goal=start, at=None) == 0
    assert zygote(**job, goal=goal, at=step) == CRASHED
    if step.startswith(("rewrap", "decommission")):
        assert zygote(**job, goal=None, at=step) in (0, CRASHED)  # and once more, while it resumes
    assert zygote(**job, goal=None, at=None, read=volumes) == 0  # resumes, checks every volume
    check_books(lab, goal)


def check_books(lab: Lab, goal: str) -> None:
    """One key in use, none left behind, here or there."""
    from kmipd.cluster.cluster import Cluster

    cluster = Cluster(lab.settings)
    try:
        with cluster.store.unit() as unit:
            keys, copies = unit.master_keys.all(), unit.data_keys.all()
            assert unit.rekeys.all(finished=False) == []
            provider = unit.providers.all()[0]
        used = [key for key in keys if key.state == "current"]
        assert len(used) == 1
        assert used[0].management == goal
        assert {key.state for key in keys} <= {"current", "destroyed"}
        assert len(copies) == VOLUMES
        assert {copy.master_key_id for copy in copies} == {used[0].id}
        files = {path.stem for path in lab.settings.internal_keys.iterdir()}
        assert files == ({used[0].key_id} if goal == "internal" else set())
        remote, keeper = cluster.keys.remote(provider.id), cluster.keys
        for key in keys[-3:]:
            found = remote.fetch(keeper.label(key.key_id), lambda _key: True, keeper.deadline())
            assert (found is not None) == (key.state == "current" and key.management == "external")
    finally:
        cluster.close()
