"""A group of two clones in a server, made by the commands an operator types."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kmipd import app, config
from kmipd.core.model import Placement
from kmipd.core.ports import KeyClass
from kmipd_pkcs11.group import GroupStore
from tests.support.commands import store
from tests.support.server import Server
from tests.support.tokens import SpareToken


@dataclass(frozen=True)
class Clones:
    """The store `ha` with the members `first` and `second`."""

    server: Server
    first: SpareToken
    second: SpareToken

    @classmethod
    def make(cls, server: Server, directory: Path, *options: object) -> Clones:
        """DISCONNECTED, after the ceremony."""
        tokens = [SpareToken.make(directory / name, name) for name in ("first", "second")]
        store(server, "create", "ha", *tokens[0].options(), *options)
        store(server, "add-member", "ha", "second", *tokens[1].options())
        made = cls(server, *tokens)
        made.hold_ceremony("second")
        return made

    def hold_ceremony(self, member: str) -> None:
        begun = json.loads(store(self.server, "clone", "begin", "ha", member, "--json"))
        store(self.server, "clone", "finish", "ha", member, "--fingerprint", begun["fingerprint"])

    def compared(self) -> dict[str, set[str]]:
        """What the members compute of each key of the store, wrapping keys included: equal ones are one value."""
        application = app.compose(config.load(self.server.directory, {}))
        try:
            group = application.services.stores["ha"]
            assert isinstance(group, GroupStore)
            found: dict[str, set[str]] = {}
            for row in group.inventory():
                if row.internal or row.key_class is KeyClass.PUBLIC or row.cka_id == group.transport_key:
                    continue
                found[row.cka_id.hex()] = {
                    member.transport.check_value(group.transport_key, row.cka_id, row.key_class)
                    if member.exists(row.cka_id)
                    else f"{row.label} is not in {name}"
                    for name, member in group.members.items()
                }
            return found
        finally:
            application.close()

    def resident(self) -> set[str]:
        """The CKA_IDs of the keys that the registry knows to be in the tokens."""
        application = app.compose(config.load(self.server.directory, {}))
        try:
            objects = application.registry.objects(limit=100_000)
            return {o.cka_id.hex() for o in objects if o.store == "ha" and o.placement is Placement.RESIDENT}
        finally:
            application.close()
