"""Bounds on what a peer may make us hold, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one message may be; the defaults suit a key server, a test may shrink them."""

    #: Bytes. The largest honest messages are Opaque Objects and Certificates of some 100 KiB.
    message_size_max: int = 1 << 20
    #: Bytes of a message in JSON or XML, which take two (hexadecimal) to eight times as many as TTLV. What such a
    #: message is in TTLV is held to `message_size_max` as well.
    text_size_max: int = 4 << 20
    #: Structures within structures. KMIP itself needs twelve; the rest is for vendors' own attributes.
    #: It also keeps reading far from Python's recursion limit.
    nesting_depth_max: int = 32
    #: Batch items. The profiles ask for 32 (tape libraries); each costs a registry transaction.
    batch_count_max: int = 256
    #: Elements of one list, or items of one structure of unknown form. A GetAttributes of an object with
    #: every attribute has about a hundred; paged Locates a few thousand.
    items_max: int = 10_000


DEFAULT_LIMITS: Final = Limits()
