"""The one place that imports PyKMIP, and the few of its names that we use."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It imports ciphers that `cryptography` calls decrepit; none of them is used here.
    warnings.simplefilter("ignore")
    from kmip.core import attributes, enums, misc, objects
    from kmip.core.factories.attributes import AttributeFactory
    from kmip.core.secrets import SymmetricKey
    from kmip.core.utils import BytearrayStream
    from kmip.services.kmip_client import KMIPProxy

__all__ = [
    "AttributeFactory",
    "BytearrayStream",
    "KMIPProxy",
    "SymmetricKey",
    "attributes",
    "enums",
    "misc",
    "objects",
]
