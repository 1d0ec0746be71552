"""The Digest attribute (KMIP 1.4, 3.17): SHA-256 over the material in its format."""

from __future__ import annotations

from hashlib import sha256

from kmipd.core import formats
from kmipd.core.errors import KmipError
from kmipd.core.services import Codec
from kmipd.spec import objects as o
from kmipd.spec.attributes import Digest
from kmipd.spec.enumerations import HashingAlgorithm, KeyFormatType


def of_structure(codec: Codec, structure: o.ManagedObject) -> tuple[Digest, ...]:
    """In the format it has; of a transparent key also in the usual format of its type, which more clients can check.

    Empty for objects whose value is wrapped or elsewhere: their digest is not ours to know.
    """
    if isinstance(structure, o.Certificate):
        return (_digest(structure.certificate_value, KeyFormatType.X_509),)
    if isinstance(structure, o.OpaqueObject):
        return (_digest(structure.opaque_data_value, KeyFormatType.OPAQUE),)
    if isinstance(structure, o.CertificateRequest):
        return (_digest(structure.certificate_request_value, KeyFormatType.PKCS_10),)
    block: o.KeyBlock | None = getattr(structure, "key_block", None)
    if block is None or block.key_wrapping_data is not None or not isinstance(block.key_value, o.KeyValue):
        return ()
    material = block.key_value.key_material
    if isinstance(material, bytes):
        return (_digest(material, block.key_format_type),)
    # The encoding of the Key Material field: what a Key Value has after its tag, type and length.
    encoded = codec.dump(o.KeyValue(key_material=material))[8:]
    return (_digest(encoded, block.key_format_type), *_usual(structure, block))


def _usual(structure: o.ManagedObject, block: o.KeyBlock) -> tuple[Digest, ...]:
    object_type = next(t for t, cls in o.OBJECT_CLASSES.items() if isinstance(structure, cls))
    usual = formats.default_format(object_type, block.cryptographic_algorithm)
    try:
        material = formats.material_in(object_type, usual, formats.canonical(structure))
    except KmipError:
        return ()  # a key that `cryptography` cannot read has the one digest
    return (_digest(material, usual),) if isinstance(material, bytes) else ()


def _digest(data: bytes, key_format: KeyFormatType) -> Digest:
    return Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=sha256(data).digest(), key_format_type=key_format
    )
