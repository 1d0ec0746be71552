"""What KMIP says: data only, for 1.0 to 2.1.

Read `declare` first (how a table of the standard becomes a class), then `messages` and `payloads`.
Nothing here knows how KMIP is written (that is `kmipd.protocol`) or what a server does.
"""

from kmipd.spec.history import in_version, introduced, withdrawn
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, VERSIONS, Version

__all__ = [
    "V1_0",
    "V1_1",
    "V1_2",
    "V1_3",
    "V1_4",
    "V2_0",
    "V2_1",
    "VERSIONS",
    "Item",
    "ItemType",
    "Tag",
    "Version",
    "in_version",
    "introduced",
    "withdrawn",
]
