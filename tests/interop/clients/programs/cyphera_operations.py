"""Every operation of cyphera-kmip; prints what each gave, or the status of its failure, and the client's tag table."""

import json
import sys
from collections.abc import Iterator

from cyphera_kmip.client import KmipClient
from cyphera_kmip.operations import KmipError
from cyphera_kmip.tags import Algorithm, ObjectType, Tag

given = json.load(sys.stdin)
client = KmipClient(given["host"], given["cert"], given["key"], given["port"], given["ca"])


def steps() -> Iterator[tuple[str, list[object]]]:
    """The operations and their arguments, in an order in which all could work."""
    key = client.create("used", "AES", 256)["unique_identifier"]
    spare = client.create("spare", "AES", 256)["unique_identifier"]
    yield "discover_versions", []
    yield "query", []
    yield "create", ["made", "AES", 128]
    yield "locate", ["used"]
    yield "fetch_key", ["used"]
    yield "get", [key]
    yield "check", [key]
    yield "get_attributes", [key]
    yield "get_attribute_list", [key]
    yield "add_attribute", [key, "x-colour", "red"]
    yield "modify_attribute", [key, "x-colour", "blue"]
    yield "delete_attribute", [key, "x-colour"]
    yield "obtain_lease", [key]
    yield "activate", [key]
    yield "encrypt", [key, bytes(16)]
    yield "decrypt", [key, bytes(16), bytes(16)]
    yield "mac", [key, b"data"]
    yield "create_key_pair", ["pair", Algorithm.RSA, 2048]
    yield "sign", [key, b"data"]
    yield "signature_verify", [key, b"data", b"signature"]
    yield "register", [ObjectType.SymmetricKey, bytes(32), "registered", Algorithm.AES, 256]
    yield "derive_key", [key, b"data", "derived", 256]
    yield "re_key", [key]
    yield "archive", [spare]
    yield "recover", [spare]
    yield "poll", []
    yield "revoke", [key, 1]
    yield "destroy", [spare]


def told(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return {name: told(part) for name, part in value.items()} if isinstance(value, dict) else value


def result(operation: str, arguments: list[object]) -> object:
    try:
        return told(getattr(client, operation)(*arguments))
    except KmipError as error:
        return f"status {error.result_status}"


done = {operation: result(operation, arguments) for operation, arguments in steps()}
tags = {name: number for name, number in vars(Tag).items() if not name.startswith("_")}
json.dump({"done": done, "tags": tags}, sys.stdout)
