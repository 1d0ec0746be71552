"""The words for keys, rekeys and drives, and what they imply."""

from __future__ import annotations

from typing import Final

INTERNAL: Final = "internal"
EXTERNAL: Final = "external"

# What a key is for.
SOFTWARE: Final = "sear"  # the master key of software encryption at rest: it wraps the data keys
DRIVES: Final = "sed"  # the authentication key of self-encrypting drives

# A key's life: planned -> asked -> current -> retiring -> destroyed.
PLANNED: Final = "planned"  # in our books only
ASKED: Final = "asked"  # it may exist: the request that makes it may have been sent
CURRENT: Final = "current"
RETIRING: Final = "retiring"  # replaced; to be destroyed
CONDEMNED: Final = "condemned"  # made for something that failed; to be destroyed
DESTROYED: Final = "destroyed"
VOID: Final = "void"  # was planned and never made
ABANDONED: Final = "abandoned"  # given up by an operator: it could not be destroyed

# "Outstanding keys created but not yet deleted, therefore assumed in use": they make a provider active.
OUTSTANDING: Final = frozenset({PLANNED, ASKED, CURRENT, RETIRING, CONDEMNED})


class RekeyState:
    """SearRekeyMasterKeyState of the SDK, in the order in which they are passed."""

    CREATE: Final = "CreateNewMasterKey"
    REWRAP: Final = "RewrapDataEncryptionKeys"
    DECOMMISSION: Final = "DecommissionOldMasterKey"
    READY: Final = "Ready"


DISABLED: Final = "disabled"
ENABLING: Final = "enabling"
ENABLED: Final = "enabled"
DISABLING: Final = "disabling"
