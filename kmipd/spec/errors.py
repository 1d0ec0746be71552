"""What goes wrong between bytes and structures.

The two classes stand here, not in `kmipd.protocol`, because a message may carry one (`Undecodable`).
Their texts name places and numbers, never values: a value may be a secret.
"""

from __future__ import annotations

from kmipd.spec.enumerations import ResultReason
from kmipd.spec.versions import Version


class ProtocolError(Exception):
    """Bytes that are not the message they should be.

    `path` leads to the place by field names, `offset` is the byte it was noticed at, `version` the
    protocol version of the message where that was known.
    """

    def __init__(
        self,
        reason: ResultReason,
        message: str,
        *,
        path: tuple[str, ...] = (),
        offset: int = 0,
        version: Version | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.path = path
        self.offset = offset
        self.version = version

    def __str__(self) -> str:
        place = ".".join(self.path).replace(".[", "[")
        return f"{place}: {self.message} (offset {self.offset})" if place else self.message


class NotInVersion(ProtocolError):
    """A structure that the version it shall be written in has no words for."""

    def __init__(self, message: str, *, path: tuple[str, ...] = (), version: Version | None = None) -> None:
        super().__init__(ResultReason.FEATURE_NOT_SUPPORTED, message, path=path, version=version)
