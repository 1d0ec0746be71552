"""A process without threads. It forks a child per job: open the cluster, rekey, die where told, or read it all back."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from kmipd.cluster.cluster import Cluster
from kmipd.cluster.settings import KmipSettings, Settings

CRASHED = 70


def job(directory: str, provider: int, goal: str | None, at: str | None, read: list[int] | None = None) -> int:
    def step(name: str) -> None:
        if name == at:
            os._exit(CRASHED)

    settings = Settings(directory=Path(directory), kmip=KmipSettings(call_budget=10.0))
    cluster = Cluster(settings, step=step)
    if goal is None:
        assert cluster.keeper.work(), "something waits"
    else:
        assert cluster.keeper.work(), "something waits"
        cluster.rekeys.start(goal, provider if goal == "external" else None)
        assert cluster.keeper.work(), "something waits"
    for number, volume in enumerate(read or []):
        expected = f"data of {number}".encode()
        assert cluster.volumes.read(volume, 0, len(expected)) == expected
    cluster.close()
    return 0


def run(arguments: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = job(**arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for line in sys.stdin:
    sys.stdout.write(f"{run(json.loads(line))}\n")
    sys.stdout.flush()
