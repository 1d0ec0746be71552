"""An application with client-side field level encryption: pymongo and libmongocrypt with the KMIP provider.

Every run is a new process, so nothing is remembered but what MongoDB and the key server hold.
"""

import json
import sys

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.encryption import Algorithm, ClientEncryption
from pymongo.encryption_options import AutoEncryptionOpts
from pymongo.errors import EncryptionError

VAULT = "encryption.__keyVault"
DETERMINISTIC = Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Deterministic

given = json.load(sys.stdin)
endpoint = f"{given['host']}:{given['port']}"
providers = {"kmip": {"endpoint": endpoint}}
tls = {"kmip": {"tlsCAFile": given["ca"], "tlsCertificateKeyFile": given["both"]}}
url = f"mongodb://{given['mongodb']}"
client: MongoClient = MongoClient(url, serverSelectionTimeoutMS=10_000)
encryption = ClientEncryption(providers, VAULT, client, CodecOptions(), kms_tls_options=tls)
people = client.app.people


def master_key(delegated: bool) -> dict[str, object]:
    return {"delegated": True} if delegated else {}


def write(name: str, secret: str, delegated: bool) -> dict[str, object]:
    """A data key under a master key of the key server, and a document with a field encrypted under it."""
    encryption.create_data_key("kmip", master_key=master_key(delegated), key_alt_names=[name])
    people.insert_one({"_id": name, "secret": encryption.encrypt(secret, DETERMINISTIC, key_alt_name=name)})
    return vault()


def read() -> dict[str, object]:
    """Every document three ways: as it lies there, decrypted by hand, decrypted by the driver itself."""
    options = AutoEncryptionOpts(providers, VAULT, bypass_auto_encryption=True, kms_tls_options=tls)
    lying = {one["_id"]: one["secret"] for one in people.find()}
    with MongoClient(url, auto_encryption_opts=options) as driver:
        by_itself = {one["_id"]: one["secret"] for one in driver.app.people.find()}
    return {
        "lying": {name: bytes(value).hex() for name, value in lying.items()},
        "by hand": {name: encryption.decrypt(value) for name, value in lying.items()},
        "by the driver": by_itself,
    }


def rewrap(delegated: bool) -> dict[str, object]:
    """Rotation: all data keys under a new master key."""
    encryption.rewrap_many_data_key({}, provider="kmip", master_key=master_key(delegated))
    return vault()


def vault() -> dict[str, object]:
    """The master key's unique identifier of every data key."""
    return {one["keyAltNames"][0]: one["masterKey"]["keyId"] for one in encryption.get_keys()}


STEPS = {"write": write, "read": read, "rewrap": rewrap}

try:
    result = STEPS[given["step"]](**given.get("arguments", {}))
except EncryptionError as error:
    result = {"refused": str(error)}
json.dump(result, sys.stdout)
