"""One schema per protocol version, all from the same declarations."""

from __future__ import annotations

import functools
from enum import Enum
from typing import Any

from kmipd.protocol.compiler import Compiler
from kmipd.protocol.plan import Plan
from kmipd.spec.versions import Version


class Newer(Enum):
    """What the writer does with words the version does not have."""

    LEAVE_OUT = "left out"  # of an answer: the client must not meet what it does not know
    REFUSE = "refused"  # in a request: leaving out a filter would change what is asked


class Schema:
    """Every plan of one version, compiled on first use.

    `version` None is the vocabulary of all versions together, for storing.  Threads may share a schema:
    plans are made aside and published whole; two threads at worst make the same one twice.
    """

    def __init__(self, version: Version | None, newer: Newer = Newer.LEAVE_OUT) -> None:
        self.version = version
        self._newer = newer
        self._plans: dict[Any, Plan] = {}

    def plan(self, cls: type) -> Plan:
        """The plan of a structure."""
        found: Plan | None = self._plans.get((cls, None))
        if found is None:
            compiler = Compiler(self.version, self._newer is Newer.LEAVE_OUT, self._plans)
            found = compiler.plan(cls)
            self._plans = self._plans | compiler.plans
        return found


@functools.cache
def schema(version: Version | None, newer: Newer = Newer.LEAVE_OUT) -> Schema:
    """The schema of a version, made once."""
    return Schema(version, newer)
