"""A key store as people and scripts see it: what is wished, and what the workers observe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kmipd.core.keystores import ConnectionState, KeyStoreRecord, Member
from kmipd.keystores.observations import StoreSeen

_S = ConnectionState


@dataclass(frozen=True, slots=True)
class Described:
    """A key store: the record, what the workers see of it, and how many keys it holds."""

    record: KeyStoreRecord
    seen: tuple[StoreSeen, ...]
    keys: int
    behind: Mapping[str, int]  # member -> how many changes it has still to catch up

    @property
    def health(self) -> str:
        """UP, DOWN, or DEGRADED when only some workers see it up; UNKNOWN when no server looks at it."""
        ups = [one.up for one in self.seen if one.open]
        if self.record.state is not _S.CONNECTED or not ups:
            return "UNKNOWN"
        return "UP" if all(ups) else "DEGRADED" if any(ups) else "DOWN"

    @property
    def trouble(self) -> str:
        """What is wrong, in a sentence; empty when nothing is, or nobody looks."""
        if self.record.failure is not None:
            return f"{self.record.failure.name}: {self.record.failure_text}"
        if self.health in ("DOWN", "DEGRADED"):
            return self.health_reason or self.health
        return self.health_reason if self.record.is_group else ""

    @property
    def health_reason(self) -> str:
        return next((one.reason for one in self.seen if one.open and one.reason not in ("", "ok")), "")

    def as_dict(self) -> dict[str, Any]:
        """For scripts; nothing in it opens anything."""
        record, failure = self.record, self.record.failure
        return {
            "name": record.name,
            "description": record.description,
            "root": record.root,
            "state": record.state.value,
            "failure": failure and {"reason": failure.name, "text": record.failure_text, "remedy": failure.remedy},
            "health": self.health,
            "health_reason": self.health_reason,
            "keys": self.keys,
            "rotate_pin": record.rotate_pin,
            "connect_timeout": record.connect_timeout,
            "replication": record.replication.value,
            "created": record.created,
            "members": [
                _member_as_dict(record, member) | {"to_catch_up": self.behind.get(member.name, 0)}
                for member in record.members
            ],
        }


def _member_as_dict(record: KeyStoreRecord, member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "module": member.module,
        "token_label": member.token_label,
        "token_serial": member.token_serial,
        "environment": dict(member.environment),
        "reserved": member.reserved,
        "pin_source": str(member.pin_source),
        "pin_rotated": bool(member.pin_current),
        "lineage": member.transport_key.hex(),
        "clone": bool(member.transport_key) and member.transport_key == record.transport_key,
    }
