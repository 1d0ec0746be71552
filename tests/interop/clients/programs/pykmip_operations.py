"""Every operation of PyKMIP's ProxyKmipClient at one protocol version; prints what each gave, or how it was refused."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

from kmip.core import enums, objects, primitives
from kmip.core import exceptions as core_exceptions
from kmip.core.attributes import Name
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client as pie
from kmip.pie import exceptions
from kmip.pie import objects as pobjects

given = json.load(sys.stdin)
logging.disable(logging.CRITICAL)  # it logs what it raises as well
VERSION = enums.KMIPVersion["KMIP_" + given["version"].replace(".", "_")]
ALGORITHM, MASK = enums.CryptographicAlgorithm, enums.CryptographicUsageMask
PARAMETERS = {"block_cipher_mode": enums.BlockCipherMode.CBC, "padding_method": enums.PaddingMethod.PKCS5}
SIGNING = {
    "cryptographic_algorithm": ALGORITHM.RSA,
    "hashing_algorithm": enums.HashingAlgorithm.SHA_256,
    "padding_method": enums.PaddingMethod.PKCS1v15,
}
REFUSED = (exceptions.KmipOperationFailure, core_exceptions.OperationFailure)
IV, TEXT = bytes(16), b"a text of no particular length"


class Operations:
    """Each method is one operation, in an order in which all can work."""

    def __init__(self, client: pie.ProxyKmipClient) -> None:
        self.client = client
        self.registered: dict[str, str] = {}

    def run(self) -> Iterator[tuple[str, object]]:
        steps: list[Callable[[], Any]] = [
            self.create,
            self.create_key_pair,
            self.register,
            self.get,
            self.get_wrapped,
            self.get_attributes,
            self.get_attribute_list,
            self.locate,
            self.modify_attribute,
            self.set_attribute,
            self.delete_attribute,
            self.activate,
            self.check,
            self.encrypt_and_decrypt,
            self.sign_and_verify,
            self.mac,
            self.derive_key,
            self.rekey,
            self.revoke,
            self.destroy,
            self.query,
            self.discover_versions,
        ]
        for step in steps:
            try:
                yield step.__name__, step()
            except REFUSED as error:
                yield step.__name__, f"refused: {error.reason.name}"
            except Exception as error:
                yield step.__name__, f"not sent: {type(error).__name__}: {error}"

    # Making ----------------------------------------------------------------------------------------------------

    def create(self) -> bool:
        self.key = self.client.create(ALGORITHM.AES, 256, name="key", cryptographic_usage_mask=list(MASK)[:6])
        return bool(self.key)

    def create_key_pair(self) -> bool:
        self.public, self.private = self.client.create_key_pair(
            ALGORITHM.RSA,
            2048,
            public_name="public",
            public_usage_mask=[MASK.VERIFY],
            private_name="private",
            private_usage_mask=[MASK.SIGN],
        )
        return self.public != self.private

    def register(self) -> bool:
        for made in self._made_elsewhere():
            self.registered[type(made).__name__] = self.client.register(made)
        return len(set(self.registered.values())) == len(self.registered)

    def _made_elsewhere(self) -> list[pobjects.ManagedObject]:
        secret = pobjects.SecretData(b"secret", enums.SecretDataType.PASSWORD, name="secret")
        opaque = pobjects.OpaqueObject(b"opaque", enums.OpaqueDataType.NONE, name="opaque")
        mac = [MASK.MAC_GENERATE, MASK.DERIVE_KEY]
        key = pobjects.SymmetricKey(ALGORITHM.HMAC_SHA256, 256, bytes(32), masks=mac, name="mac")
        return [secret, opaque, key]

    # Looking ---------------------------------------------------------------------------------------------------

    def get(self) -> dict[str, str]:
        found = {kind: self.client.get(uid).value.hex() for kind, uid in self.registered.items()}
        return {**found, "PublicKey": type(self.client.get(self.public)).__name__}

    def get_wrapped(self) -> bool:
        """The registered key under the one made here, in NIST key wrap."""
        wrapping = {
            "wrapping_method": enums.WrappingMethod.ENCRYPT,
            "encryption_key_information": {
                "unique_identifier": self.key,
                "cryptographic_parameters": {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP},
            },
            "encoding_option": enums.EncodingOption.NO_ENCODING,
        }
        self.client.activate(self.key)
        got = self.client.get(self.registered["SymmetricKey"], key_wrapping_specification=wrapping)
        return len(got.value) == 40

    def get_attributes(self) -> dict[str, str]:
        wanted = ["Cryptographic Algorithm", "Cryptographic Length", "State"]
        _, found = self.client.get_attributes(self.key, wanted)
        return {one.attribute_name.value: str(one.attribute_value.value) for one in found}

    def get_attribute_list(self) -> list[str]:
        return sorted(self.client.get_attribute_list(self.key))

    def locate(self) -> bool:
        name = AttributeFactory().create_attribute(
            enums.AttributeType.NAME,
            Name.create("key", enums.NameType.UNINTERPRETED_TEXT_STRING),
        )
        return self.client.locate(attributes=[name]) == [self.key]

    # Changing --------------------------------------------------------------------------------------------------

    def modify_attribute(self) -> bool:
        """The Sensitive of 1.4 and later has no class of 1.x in this client, so 1.x changes a Name."""
        if VERSION < enums.KMIPVersion.KMIP_2_0:
            changed = AttributeFactory().create_attribute(
                enums.AttributeType.NAME, Name.create("renamed", enums.NameType.UNINTERPRETED_TEXT_STRING), 0
            )
            self.client.modify_attribute(unique_identifier=self.public, attribute=changed)
            return self._names(self.public) == ["renamed"]
        new = objects.NewAttribute(attribute=primitives.Boolean(True, tag=enums.Tags.SENSITIVE))
        self.client.modify_attribute(unique_identifier=self.registered["SecretData"], new_attribute=new)
        return True

    def set_attribute(self) -> bool:
        self.client.set_attribute(
            unique_identifier=self.registered["OpaqueObject"], attribute_name="Sensitive", attribute_value=False
        )
        return True

    def delete_attribute(self) -> bool:
        which: dict[str, Any] = {"attribute_name": "Name", "attribute_index": 0}
        if VERSION >= enums.KMIPVersion.KMIP_2_0:
            name = Name.create("public", enums.NameType.UNINTERPRETED_TEXT_STRING)
            which = {"current_attribute": objects.CurrentAttribute(attribute=name)}
        self.client.delete_attribute(unique_identifier=self.public, **which)
        return self._names(self.public) == []

    def _names(self, uid: str) -> list[str]:
        _, found = self.client.get_attributes(uid, ["Name"])
        return [str(one.attribute_value.name_value.value) for one in found]

    def activate(self) -> bool:
        for uid in (self.private, self.public, self.registered["SymmetricKey"]):
            self.client.activate(uid)
        return True

    def check(self) -> bool:
        return self.client.check(self.key, cryptographic_usage_mask=[MASK.ENCRYPT]) == self.key

    # Using -----------------------------------------------------------------------------------------------------

    def encrypt_and_decrypt(self) -> bool:
        sealed, _ = self.client.encrypt(TEXT, self.key, PARAMETERS, IV)
        return sealed != TEXT and self.client.decrypt(sealed, self.key, PARAMETERS, IV) == TEXT

    def sign_and_verify(self) -> list[str]:
        signature = self.client.sign(TEXT, self.private, SIGNING)
        other = TEXT + b"!"
        return [self.client.signature_verify(one, signature, self.public, SIGNING).name for one in (TEXT, other)]

    def mac(self) -> str:
        _, mac = self.client.mac(TEXT, self.registered["SymmetricKey"], ALGORITHM.HMAC_SHA256)
        return mac.hex()

    def derive_key(self) -> bool:
        derived = self.client.derive_key(
            enums.ObjectType.SYMMETRIC_KEY,
            [self.registered["SymmetricKey"]],
            enums.DerivationMethod.HMAC,
            {
                "cryptographic_parameters": {"hashing_algorithm": enums.HashingAlgorithm.SHA_256},
                "derivation_data": b"data",
            },
            cryptographic_length=128,
            cryptographic_algorithm=ALGORITHM.AES,
        )
        return len(self.client.get(derived).value) == 16

    def rekey(self) -> bool:
        """The new key has the name now."""
        self.newer = self.client.rekey(self.key)
        return self.newer != self.key and self.locate() is False and self._names(self.newer) == ["key"]

    # Ending ----------------------------------------------------------------------------------------------------

    def revoke(self) -> str:
        self.client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, self.key)
        _, found = self.client.get_attributes(self.key, ["State"])
        return str(found[0].attribute_value.value.name)

    def destroy(self) -> str:
        self.client.destroy(self.key)
        try:
            self.client.get(self.key)
        except exceptions.KmipOperationFailure as error:
            return str(error.reason.name)
        return "still there"

    # What only the proxy below offers --------------------------------------------------------------------------

    def query(self) -> bool:
        result = self.client.proxy.query(query_functions=[enums.QueryFunction.QUERY_OPERATIONS])
        return enums.Operation.CREATE in result.operations

    def discover_versions(self) -> list[str]:
        result = self.client.proxy.discover_versions()
        return [str(one) for one in result.protocol_versions]


with pie.ProxyKmipClient(
    hostname=given["host"],
    port=given["port"],
    cert=given["cert"],
    key=given["key"],
    ca=given["ca"],
    ssl_version=given["ssl_version"],
    kmip_version=VERSION,
) as client:
    json.dump(dict(Operations(client).run()), sys.stdout)
