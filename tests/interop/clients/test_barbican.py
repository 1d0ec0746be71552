"""OpenStack Barbican's KMIP secret store: every secret type, kept here and read back by another process."""

from __future__ import annotations

from typing import Any

from tests.interop.clients.environment import Environment, add, objects, restart, settings
from tests.support.server import Server

GENERATED = {"aes": ("AES", 256), "3des": ("TRIPLE_DES", 192), "hmac": ("HMAC_SHA256", 256)}
TYPES = {
    "symmetric": "SYMMETRIC_KEY",
    "3des": "SYMMETRIC_KEY",
    "hmac": "SYMMETRIC_KEY",
    "passphrase": "SECRET_DATA",
    "opaque": "OPAQUE_OBJECT",
    "private": "PRIVATE_KEY",
    "public": "PUBLIC_KEY",
    "certificate": "CERTIFICATE",
}


def test_every_secret_type_is_kept_and_deleted(clients: Environment, own_server: Server) -> None:
    clients.need("barbican", "kmip")
    server = own_server.start()
    who = add(server, "barbican")
    who.key.chmod(0o400)  # Barbican refuses any other mode

    def step(name: str, **arguments: object) -> Any:
        return clients.run("barbican_store", step=name, arguments=arguments, **settings(server, who))

    made = step("make")
    assert made.pop("plugin") == "KMIPSecretStore"
    held = objects(server, "barbican")
    assert {label: held[one["uid"]]["type"] for label, one in made["stored"].items()} == TYPES
    generated = {label: held[uid] for label, uid in made["generated"].items()}
    assert {label: (one["algorithm"], one["length"]) for label, one in generated.items()} == GENERATED
    assert {held[made["pair"]["private"]]["type"], held[made["pair"]["public"]]["type"]} == {
        "PRIVATE_KEY",
        "PUBLIC_KEY",
    }
    assert len(held) == len(TYPES) + len(GENERATED) + 2

    restart(server)
    seen = step("read", **made)
    assert seen["stored"] == {label: one["secret"] for label, one in made["stored"].items()}
    assert seen["bits"] == {label: bits for label, (_, bits) in GENERATED.items()}
    assert seen["pair fits"]

    said = step("delete", uids=list(held))
    assert said.keys() == held.keys()
    assert {one["state"] for one in objects(server, "barbican").values()} == {"DESTROYED"}
