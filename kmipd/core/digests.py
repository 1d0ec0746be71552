"""The Digest attribute (KMIP 1.4, 3.17): SHA-256 over the material in its format."""

from __future__ import annotations

from hashlib import sha256

from kmipd.core.services import Codec
from kmipd.spec import objects as o
from kmipd.spec.attributes import Digest
from kmipd.spec.enumerations import HashingAlgorithm, KeyFormatType


def of_structure(codec: Codec, structure: o.ManagedObject) -> Digest | None:
    """None for objects whose value is wrapped or elsewhere: their digest is not ours to know."""
    if isinstance(structure, o.Certificate):
        return _digest(structure.certificate_value, KeyFormatType.X_509)
    if isinstance(structure, o.OpaqueObject):
        return _digest(structure.opaque_data_value, KeyFormatType.OPAQUE)
    block = getattr(structure, "key_block", None)
    if block is None or not isinstance(block.key_value, o.KeyValue):
        return None
    material = block.key_value.key_material
    data = material if isinstance(material, bytes) else codec.dump(material)
    return _digest(data, block.key_format_type)


def _digest(data: bytes, key_format: KeyFormatType) -> Digest:
    return Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256, digest_value=sha256(data).digest(), key_format_type=key_format
    )
