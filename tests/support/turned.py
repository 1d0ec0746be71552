"""A connection on which the server asks and the test answers."""

from __future__ import annotations

from typing import Any

from kmipd import protocol
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import EndpointRole, Operation, ResultStatus
from kmipd.spec.messages import (
    ProtocolVersion,
    RequestMessage,
    ResponseBatchItem,
    ResponseHeader,
    ResponseMessage,
)
from kmipd.spec.versions import V1_3, V2_1, Version
from tests.support.client import Client, request
from tests.support.server import Identity, Server

BOTH = (Operation.NOTIFY, Operation.PUT)


class Turned:
    """The server is the client here; `takes` is what the test says it understands."""

    def __init__(
        self, server: Server, identity: Identity, version: Version = V2_1, takes: tuple[Operation, ...] = BOTH
    ) -> None:
        self.client = Client.connect(server, identity, version)
        ask = p.SetEndpointRoleRequestPayload(endpoint_role=EndpointRole.CLIENT)
        message = request((Operation.SET_ENDPOINT_ROLE, ask), version=V2_1)
        said = self.client.send_as(message, version).batch_item[0]
        assert said.result_status is ResultStatus.SUCCESS, said.result_message
        if version >= V1_3:
            assert self.asked().batch_item[0].operation is Operation.QUERY
            self.answer(Operation.QUERY, p.QueryResponsePayload(operation=takes))

    def __enter__(self) -> Turned:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def asked(self) -> RequestMessage:
        return protocol.read_request(self.client.receive())

    def answer(self, operation: Operation, payload: Any) -> None:
        item = ResponseBatchItem(operation=operation, result_status=ResultStatus.SUCCESS, response_payload=payload)
        version = self.client.version
        header = ResponseHeader(protocol_version=ProtocolVersion.of(version), time_stamp=0, batch_count=1)
        message = ResponseMessage(response_header=header, batch_item=(item,))
        self.client.sock.sendall(protocol.write_response(message, version))

    def told(self) -> tuple[Operation, Any]:
        """What the server has to say next; it is answered with success."""
        item = self.asked().batch_item[0]
        answer = p.PutResponsePayload() if item.operation is Operation.PUT else p.NotifyResponsePayload()
        self.answer(item.operation, answer)
        return item.operation, item.request_payload
