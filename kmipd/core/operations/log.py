"""Log (KMIP 2.1, 6.1.29): a message of the client in the server's log."""

from __future__ import annotations

import logging

from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec.enumerations import ResultReason
from kmipd.spec.payloads import LogRequestPayload, LogResponsePayload

MESSAGE_SIZE_MAX = 4096  # characters: a line of a log, not a file

_clients = logging.getLogger("kmipd.clients")


def log(ctx: Context, request: LogRequestPayload) -> LogResponsePayload:
    """Quoted, so that no client writes lines that look like the server's own."""
    if len(request.log_message) > MESSAGE_SIZE_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"Log Message is longer than {MESSAGE_SIZE_MAX} characters")
    _clients.info("%s says: %s", ctx.principal.name, ascii(request.log_message))
    return LogResponsePayload()
