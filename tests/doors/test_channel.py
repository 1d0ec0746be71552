"""Connections that are turned round: what the server tells a client that has taken its role."""

from __future__ import annotations

import pytest

from kmipd import administration, config
from kmipd.doors.channel import CHANNELS_MAX
from kmipd.protocol.encodings import Encoding
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import EndpointRole, Operation, PutFunction, ResultReason, State
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_0, V1_4, V2_1, Version
from tests.support.asking import activate, create, destroy, material, revoke
from tests.support.client import Client, Ended, found
from tests.support.https import HTTPSClient
from tests.support.server import Identity, Server
from tests.support.turned import Turned

ATTEMPTS = 200  # until the server has noticed that a client left
TURN = (Operation.SET_ENDPOINT_ROLE, p.SetEndpointRoleRequestPayload(endpoint_role=EndpointRole.CLIENT))


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=["1.0", "1.4", "2.1"])
def test_a_new_key_is_put_and_its_changes_are_told(server: Server, identity: Identity, version: Version) -> None:
    with Turned(server, identity, version) as turned, Client.connect(server, identity, version) as client:
        uid = create(client)
        operation, put = turned.told()
        assert (operation, put.unique_identifier, put.put_function) == (Operation.PUT, uid, PutFunction.NEW)
        assert put.managed_object.key_block.key_value.key_material == material(client, uid)
        assert _told_state(turned, uid) is State.PRE_ACTIVE  # Get makes it stale
        activate(client, uid)
        assert _told_state(turned, uid) is State.ACTIVE
        revoke(client, uid)
        assert _told_state(turned, uid) is State.DEACTIVATED
        destroy(client, uid)
        assert _told_state(turned, uid) is State.DESTROYED


def _told_state(turned: Turned, uid: str) -> State:
    operation, notice = turned.told()
    assert (operation, notice.unique_identifier) == (Operation.NOTIFY, uid)
    return State(found(notice)["State"])


def test_what_is_not_given_out_is_only_told(server: Server, identity: Identity) -> None:
    with Turned(server, identity) as turned, Client.connect(server, identity, V2_1) as client:
        uid = create(client, (Tag.SENSITIVE, True))
        operation, notice = turned.told()
        assert (operation, notice.unique_identifier) == (Operation.NOTIFY, uid)


def test_a_client_gets_what_it_takes(server: Server, identity: Identity) -> None:
    with (
        Turned(server, identity, takes=(Operation.NOTIFY,)) as notified,
        Turned(server, identity, takes=(Operation.PUT,)) as put,
        Client.connect(server, identity, V2_1) as client,
    ):
        first = create(client)
        assert notified.told()[0] is Operation.NOTIFY
        assert put.told()[1].unique_identifier == first
        activate(client, first)
        second = create(client)
        assert put.told()[1].unique_identifier == second


def test_other_groups_are_not_told(server: Server, identity: Identity) -> None:
    with (
        Turned(server, identity) as turned,
        Client.connect(server, server.enrol(), V2_1) as stranger,
        Client.connect(server, identity, V2_1) as client,
    ):
        create(stranger)
        uid = create(client)
        assert turned.told()[1].unique_identifier == uid


def test_it_is_told_whichever_worker_does_it(own_server: Server) -> None:
    own_server.start(workers=2)
    identity = own_server.enrol()
    with Turned(own_server, identity) as turned:
        for _ in range(6):
            with Client.connect(own_server, identity, V2_1) as client:
                uid = create(client)
            assert turned.told()[1].unique_identifier == uid


def test_a_revoked_client_is_told_nothing_more(own_server: Server) -> None:
    own_server.configure("limits", recheck=0.2).start()
    identity = own_server.enrol()
    with Turned(own_server, identity) as turned:
        clients = administration.Clients(config.load(own_server.directory, {}))
        clients.revoke(identity.name)
        clients.close()
        with pytest.raises((Ended, OSError)):
            turned.asked()


def test_channels_are_bounded_and_freed(own_server: Server) -> None:
    own_server.start()
    identity = own_server.enrol()
    opened = [Turned(own_server, identity) for _ in range(CHANNELS_MAX)]
    with Client.connect(own_server, identity, V2_1) as client:
        assert client.refusal(*TURN) is ResultReason.FEATURE_NOT_SUPPORTED
        assert create(client), "the connection goes on as it was"
    opened.pop().client.close()
    assert any(_turns(own_server, identity) for _ in range(ATTEMPTS))
    for one in opened:
        one.client.close()


def _turns(server: Server, identity: Identity) -> bool:
    with Client.connect(server, identity, V2_1) as client:
        return client.refusal(*TURN) is None


def test_the_server_stays_server_where_it_is_asked_to(server: Server, identity: Identity) -> None:
    with Client.connect(server, identity, V2_1) as client:
        stay = p.SetEndpointRoleRequestPayload(endpoint_role=EndpointRole.SERVER)
        assert client.call(Operation.SET_ENDPOINT_ROLE, stay).endpoint_role is EndpointRole.SERVER
        assert create(client)


def test_http_is_not_turned_round(server: Server, identity: Identity) -> None:
    with HTTPSClient.speaking(Encoding.TTLV, server, identity, V2_1) as client:
        assert client.refusal(*TURN) is ResultReason.FEATURE_NOT_SUPPORTED
