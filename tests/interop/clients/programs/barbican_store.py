"""Barbican's KMIP secret store, loaded by Barbican's own plugin manager from its own configuration file.

The file is ~/.barbican/barbican.conf, which the plugin reads when it is imported.
"""

import base64
import datetime
import json
import logging
import sys
from pathlib import Path

given = json.load(sys.stdin)
file = Path.home() / ".barbican" / "barbican.conf"
file.parent.mkdir(exist_ok=True)
file.write_text(
    f"""[secretstore]
enabled_secretstore_plugins = kmip_plugin
[kmip_plugin]
host = {given["host"]}
port = {given["port"]}
certfile = {given["cert"]}
keyfile = {given["key"]}
ca_certs = {given["ca"]}
"""
)

from barbican.plugin.interface import secret_store as ss  # noqa: E402 - reads the file
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives import serialization as s  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402

logging.disable(logging.CRITICAL)  # the plugin logs what it raises as well
store = ss.get_manager().get_plugin_store(ss.KeySpec())
ALGORITHMS = ss.KeyAlgorithm
TYPES = ss.SecretType


def generate(alg: str, bits: int) -> str:
    return store.generate_symmetric_key(ss.KeySpec(alg=alg, bit_length=bits))[store.KEY_UUID]


def generate_pair(bits: int) -> tuple[str, str]:
    made = store.generate_asymmetric_key(ss.KeySpec(alg=ALGORITHMS.RSA, bit_length=bits))
    return made.private_key_meta[store.KEY_UUID], made.public_key_meta[store.KEY_UUID]


def keep(kind: str, secret: bytes, alg: str | None = None, bits: int | None = None) -> str:
    spec = ss.KeySpec(alg=alg, bit_length=bits)
    dto = ss.SecretDTO(kind, base64.b64encode(secret), spec, content_type=None)
    return store.store_secret(dto)[store.KEY_UUID]


def fetch(kind: str, uid: str) -> bytes:
    return base64.b64decode(store.get_secret(kind, {store.KEY_UUID: uid}).secret)


def samples() -> dict[str, tuple[str, bytes, str | None, int | None]]:
    """One secret of every type that Barbican has; PEM as its API hands it to a plugin."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "barbican")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(s.Encoding.PEM)
    return {
        "symmetric": (TYPES.SYMMETRIC, bytes(range(32)), ALGORITHMS.AES, 256),
        "3des": (TYPES.SYMMETRIC, bytes(range(24)), ALGORITHMS.DESEDE, 192),
        "hmac": (TYPES.SYMMETRIC, bytes(range(64)), ALGORITHMS.HMACSHA512, 512),
        "passphrase": (TYPES.PASSPHRASE, "pässwörd".encode(), None, None),
        "opaque": (TYPES.OPAQUE, b"\x00\x01opaque", None, None),
        "private": (TYPES.PRIVATE, private, ALGORITHMS.RSA, 2048),
        "public": (TYPES.PUBLIC, public, ALGORITHMS.RSA, 2048),
        "certificate": (TYPES.CERTIFICATE, certificate, None, None),
    }


def make() -> dict[str, object]:
    stored = {}
    for label, (kind, secret, alg, bits) in samples().items():
        uid = keep(kind, secret, alg, bits)
        stored[label] = {"uid": uid, "kind": kind, "secret": secret.hex()}
    private, public = generate_pair(2048)
    generated = {"aes": generate(ALGORITHMS.AES, 256), "3des": generate(ALGORITHMS.DESEDE, 192)}
    generated["hmac"] = generate(ALGORITHMS.HMACSHA256, 256)
    return {
        "plugin": type(store).__name__,
        "stored": stored,
        "generated": generated,
        "pair": {"private": private, "public": public},
    }


def read(stored: dict[str, dict[str, str]], generated: dict[str, str], pair: dict[str, str]) -> dict[str, object]:
    private = s.load_pem_private_key(fetch(TYPES.PRIVATE, pair["private"]), None)
    public = s.load_pem_public_key(fetch(TYPES.PUBLIC, pair["public"]))
    return {
        "stored": {label: fetch(one["kind"], one["uid"]).hex() for label, one in stored.items()},
        "bits": {label: 8 * len(fetch(TYPES.SYMMETRIC, uid)) for label, uid in generated.items()},
        "pair fits": private.public_key() == public,
    }


def delete(uids: list[str]) -> dict[str, str]:
    """Delete each, and what a later read says."""
    said = {}
    for uid in uids:
        store.delete_secret({store.KEY_UUID: uid})
        try:
            fetch(TYPES.OPAQUE, uid)
        except ss.SecretGeneralException as error:
            said[uid] = str(error)
    return said


STEPS = {"make": make, "read": read, "delete": delete}
json.dump(STEPS[given["step"]](**given.get("arguments", {})), sys.stdout)
