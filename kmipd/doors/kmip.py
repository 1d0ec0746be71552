"""The KMIP door without its socket: one message in, one message out, never an exception and never a traceback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from kmipd import protocol
from kmipd.core.batch import KeyService
from kmipd.core.model import Caller, Principal
from kmipd.core.outcomes import respond
from kmipd.core.reasons import for_version
from kmipd.spec.enumerations import EndpointRole, Operation, ResultReason, ResultStatus
from kmipd.spec.messages import RequestMessage, ResponseBatchItem, ResponseMessage
from kmipd.spec.versions import V1_0, VERSIONS, Version

log = logging.getLogger(__name__)


class MessageHandler:
    """Bytes to bytes for one service. Safe to call from many threads."""

    def __init__(self, service: KeyService, limits: protocol.Limits) -> None:
        self._service = service
        self._limits = limits

    def answer(
        self,
        data: bytes,
        principal: Principal | None,
        peer: str,
        before_change: Callable[[], None],
        turn: Callable[[Version], bool] = lambda _version: False,
    ) -> bytes:
        """The answer to one framed request; `principal` None is a certificate that stands for nobody.

        `before_change` is called before anything is written, and may raise a KmipError to prevent it. `turn` is asked
        whether the connection can be turned round when the client wants this server to be the client.
        """
        try:
            message = protocol.read_request(data, self._limits)
        except protocol.ProtocolError as error:
            log.warning("%s: unreadable request: %s", peer, error)
            return unreadable(error, _version_of(data))
        version = message.request_header.protocol_version.version
        if principal is None:
            known = version if version in VERSIONS else V1_0
            text = "the client certificate is not enrolled here"
            return refusal(known, ResultReason.AUTHENTICATION_NOT_SUCCESSFUL, text)
        try:
            response = self._service.handle(message, Caller(principal, peer, before_change))
            last = response.batch_item[-1]
            if last.operation is Operation.SET_ENDPOINT_ROLE and not _turned(last, version, turn):
                refused = _failed(last, version, ResultReason.FEATURE_NOT_SUPPORTED, "the connection cannot be turned")
                response = replace(response, batch_item=(*response.batch_item[:-1], refused))
            return _fitted(response, message)
        except Exception:
            log.exception("%s: the request could not be answered", peer)
            return refusal(version if version in VERSIONS else V1_0, ResultReason.GENERAL_FAILURE, "an internal error")


def _turned(item: ResponseBatchItem, version: Version, turn: Callable[[Version], bool]) -> bool:
    """Whether the role that was accepted is the one we have, or get."""
    role = getattr(item.response_payload, "endpoint_role", EndpointRole.SERVER)
    return role is not EndpointRole.CLIENT or turn(version)


def unreadable(error: protocol.ProtocolError, otherwise: Version = V1_0) -> bytes:
    """The answer to a message that cannot be read, in its own version where that is known."""
    version = error.version if error.version in VERSIONS else None
    return refusal(version or otherwise, error.reason, str(error))


def _version_of(data: bytes) -> Version:
    try:
        found = protocol.peek_version(data)
    except protocol.ProtocolError:  # it came in an HTTP request, where nobody has looked at how it begins
        return V1_0
    return found if found in VERSIONS else V1_0


def late(data: bytes, changed: bool) -> bytes:
    """The answer to a request that takes too long."""
    outcome = "whether it was done is not known yet" if changed else "nothing was changed"
    text = f"the key store does not answer in time; {outcome}"
    return refusal(_version_of(data), ResultReason.GENERAL_FAILURE, text)


def refusal(version: Version, reason: ResultReason, text: str) -> bytes:
    item = ResponseBatchItem(
        result_status=ResultStatus.OPERATION_FAILED, result_reason=for_version(reason, version), result_message=text
    )
    return protocol.write_response(respond([item], version, int(time.time())), version)


def _fitted(response: ResponseMessage, request: RequestMessage) -> bytes:
    """Encoded in the version of the answer, and no larger than the client said it can take (KMIP 1.4, 6.3)."""
    version = response.response_header.protocol_version.version
    data = _encoded(response, version)
    limit = request.request_header.maximum_response_size
    if limit is None:
        return data
    items = list(response.batch_item)
    # The last items give way first: what the client learned from the first ones it can use to ask again.
    for index in reversed(range(len(items))):
        if len(data) <= limit:
            break
        if items[index].response_payload is not None:
            items[index] = _failed(items[index], version, ResultReason.RESPONSE_TOO_LARGE, f"more than {limit} bytes")
            data = _encoded(replace(response, batch_item=tuple(items)), version)
    return data


def _encoded(response: ResponseMessage, version: Version) -> bytes:
    try:
        return protocol.write_response(response, version)
    except protocol.NotInVersion:
        return protocol.write_response(replace(response, batch_item=_sayable(response.batch_item, version)), version)


def _sayable(items: Sequence[ResponseBatchItem], version: Version) -> tuple[ResponseBatchItem, ...]:
    """Items that cannot be said in this version become failures: a client never meets a word it does not know."""
    result = []
    for item in items:
        try:
            protocol.write_response(respond([item], version, 0), version)
        except protocol.NotInVersion as error:
            log.warning("an answer cannot be said in KMIP %s.%s: %s", version.major, version.minor, error)
            text = f"the answer cannot be expressed in KMIP {version.major}.{version.minor}"
            item = _failed(item, version, ResultReason.FEATURE_NOT_SUPPORTED, text)
        result.append(item)
    return tuple(result)


def _failed(item: ResponseBatchItem, version: Version, reason: ResultReason, text: str) -> ResponseBatchItem:
    return replace(
        item,
        result_status=ResultStatus.OPERATION_FAILED,
        result_reason=for_version(reason, version),
        result_message=text,
        response_payload=None,
    )
