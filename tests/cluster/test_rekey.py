"""Changing the master key in every direction, with data that stays readable and keys that are really gone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from kmipd.cluster.client import ElementFailure
from kmipd.cluster.errors import ElementError
from kmipd.cluster.masterkeys import current
from kmipd.cluster.store import MasterKey
from tests.cluster.conftest import KeyServer, Lab
from tests.cluster.gate import Gate

DATA = os.urandom(10_000)
DIRECTIONS = [("internal", "external"), ("external", "external"), ("external", "internal"), ("internal", "internal")]


@pytest.fixture
def gate(key_server: KeyServer) -> Iterator[Gate]:
    found = Gate(key_server)
    yield found
    found.stop()


def volume_with_data(lab: Lab) -> int:
    volume = lab.cluster.volumes.create("v", 20_000)
    lab.cluster.volumes.write(volume.id, 3, DATA)
    return volume.id


def keys(lab: Lab) -> list[MasterKey]:
    with lab.cluster.store.unit() as unit:
        return unit.master_keys.all()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("start", "goal"), DIRECTIONS)
def test_directions(lab: Lab, key_server: KeyServer, start: str, goal: str) -> None:
    provider = lab.trust(key_server)
    volume = volume_with_data(lab)
    if start == "external":
        assert "error" not in lab.rekey("External", provider)
    old = keys(lab)[-1]
    found = lab.rekey(goal.title(), provider if goal == "external" else None)
    assert found["result"]["state"] == "Ready"
    assert found["result"]["keyToDecommission"]["keyID"] == old.key_id
    assert found["result"]["keyToDecommission"]["keyManagementType"] == start
    new = keys(lab)[-1]
    assert [key.state for key in keys(lab)] == ["destroyed"] * (len(keys(lab)) - 1) + ["current"]
    assert (new.management, new.provider_id) == (goal, provider if goal == "external" else None)
    files = {path.stem for path in lab.settings.internal_keys.iterdir()}
    assert files == ({new.key_id} if goal == "internal" else set())
    remote = lab.cluster.keys.remote(provider)
    gone = remote.fetch(lab.cluster.keys.label(old.key_id), lambda _key: True, lab.cluster.keys.deadline())
    assert gone is None
    assert lab.call("GetKeyProviderKmip", keyProviderID=provider)["kmipKeyProvider"]["keyProviderIsActive"] == (
        goal == "external"
    )
    assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA
    lab.restart()
    wait_for(lab.cluster.keeper.unlock)
    assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA


def test_the_external_key_is_never_on_the_disk(lab: Lab, key_server: KeyServer) -> None:
    volume_with_data(lab)
    lab.rekey("External", lab.trust(key_server))
    with lab.cluster.store.unit() as unit:
        row = current(unit)
    assert row is not None
    secret = lab.cluster.keys.fetch(row).reveal()
    assert secret == lab.cluster.keys.fetch(row).reveal()
    lab.close()
    for path in lab.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert secret.hex().encode() not in content


def test_between_two_providers(lab: Lab, key_server: KeyServer, second_key_server: KeyServer) -> None:
    volume = volume_with_data(lab)
    first, second = lab.trust(key_server), lab.trust(second_key_server, name="eks2")
    lab.rekey("External", first)
    found = lab.rekey("External", second)
    words = "External Key Management with keyProviderID="
    assert found["result"]["operation"].endswith(f"from {words}{first} to {words}{second}")
    active = {
        p["keyProviderID"]: p["keyProviderIsActive"] for p in lab.call("ListKeyProvidersKmip")["kmipKeyProviders"]
    }
    assert active == {first: False, second: True}
    assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA
    lab.call("DeleteKeyProviderKmip", keyProviderID=first)
    with pytest.raises(ElementFailure, match="xKeyProviderIsActive"):
        lab.call("DeleteKeyProviderKmip", keyProviderID=second)
    number = lab.server_ids[1]
    for method in ("RemoveKeyServerFromProviderKmip", "DeleteKeyServerKmip"):
        with pytest.raises(ElementFailure, match="xKeyServerInUse"):
            lab.call(method, keyServerID=number)
    with pytest.raises(ElementFailure, match="xPublicPrivateKeyPairInUse"):
        lab.call("CreatePublicPrivateKeyPair")


def test_a_key_that_cannot_be_made_changes_nothing(lab: Lab, gate: Gate) -> None:
    volume = volume_with_data(lab)
    provider = lab.trust(gate)
    old = keys(lab)[-1]
    gate.stop()
    try:
        found = lab.rekey("External", provider)
    finally:
        gate.start()
    assert "result" not in found
    assert found["error"]["name"] == "xKmipConnectionFailure"
    assert "127.0.0.1" in found["error"]["message"]
    assert [key.state for key in keys(lab)] == ["current", "void"]
    assert keys(lab)[0] == old
    lab.call("DeleteKeyProviderKmip", keyProviderID=provider)  # nothing was made there: it is not active
    assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA
    assert "error" not in lab.rekey()


@pytest.mark.parametrize("moment", ["create.asked", "create.made", "create.activated"])
def test_a_key_that_may_have_been_made_is_destroyed(lab: Lab, gate: Gate, moment: str) -> None:
    provider = lab.trust(gate)
    lab.close()
    lab.open(step=lambda name: gate.stop() if name == moment else None)
    try:
        found = lab.rekey("External", provider)
        assert found["error"]["name"].startswith("xKmip")
        assert [key.state for key in keys(lab)] == ["current", "condemned"]
        active = lab.call("GetKeyProviderKmip", keyProviderID=provider)["kmipKeyProvider"]["keyProviderIsActive"]
        assert active  # who knows
    finally:
        gate.start()
    wait_for(lambda: [key.state for key in keys(lab)] == ["current", "destroyed"])
    label = lab.cluster.keys.label(keys(lab)[-1].key_id)
    remote = lab.cluster.keys.remote(provider)
    assert remote.fetch(label, lambda _key: True, lab.cluster.keys.deadline()) is None


def test_the_old_provider_may_be_away(lab: Lab, gate: Gate) -> None:
    volume = volume_with_data(lab)
    provider = lab.trust(gate)
    lab.rekey("External", provider)
    gate.stop()
    try:
        handle = lab.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="Internal")["asyncHandle"]

        def waits() -> bool:
            details = lab.call("GetAsyncResult", asyncHandle=handle).get("details", {})
            return details.get("state") == "DecommissionOldMasterKey" and "waitingFor" in details

        wait_for(waits)
        assert lab.call("GetSoftwareEncryptionAtRestInfo")["masterKeyInfo"]["keyManagementType"] == "internal"
        with pytest.raises(ElementFailure, match="xRekeyInProgress"):
            lab.call("RekeySoftwareEncryptionAtRestMasterKey")
        assert "kmipServerFault" in {f["code"] for f in lab.call("ListClusterFaults", faultTypes="current")["faults"]}
        assert lab.call("GetKeyProviderKmip", keyProviderID=provider)["kmipKeyProvider"]["keyProviderIsActive"]
        lab.restart()
        assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA
        created = lab.cluster.volumes.create("meanwhile", 1)
        assert lab.cluster.volumes.read(created.id, 0, 1) == b"\0"
    finally:
        gate.start()
    found = lab.client().wait(handle, lambda _found: None, 20)
    assert found["result"]["state"] == "Ready"
    lab.call("TestKeyProviderKmip", keyProviderID=provider)
    wait_for(lambda: lab.call("ListClusterFaults", faultTypes="current")["faults"] == [])
    assert not lab.call("GetKeyProviderKmip", keyProviderID=provider)["kmipKeyProvider"]["keyProviderIsActive"]


def test_an_old_provider_that_never_comes_back(lab: Lab, gate: Gate) -> None:
    provider = lab.trust(gate)
    with pytest.raises(ElementFailure, match="xInvalidParameter"):
        lab.call("KmipdAbandonOldMasterKey")
    lab.rekey("External", provider)
    gate.stop()
    try:
        handle = lab.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="Internal")["asyncHandle"]
        wait_for(lambda: "waitingFor" in lab.call("GetAsyncResult", asyncHandle=handle).get("details", {}))
        assert lab.call("KmipdAbandonOldMasterKey") == {"asyncHandle": handle}
    finally:
        gate.start()
    assert lab.client().wait(handle, lambda _found: None, 10)["result"]["state"] == "Ready"
    assert [key.state for key in keys(lab)][-2:] == ["abandoned", "current"]


def test_a_locked_cluster_says_so_and_opens_by_itself(lab: Lab, gate: Gate) -> None:
    volume = volume_with_data(lab)
    provider = lab.trust(gate)
    lab.rekey("External", provider)
    lab.close()
    gate.stop()
    try:
        lab.open()

        def critical() -> bool:
            found = lab.call("ListClusterFaults", faultTypes="current")["faults"]
            return ("kmipServerFault", "critical") in [(f["code"], f["severity"]) for f in found]

        wait_for(critical)
        with pytest.raises(ElementError) as error:
            lab.cluster.volumes.read(volume, 0, 1)
        assert error.value.name == "xMasterKeyUnavailable"
        with pytest.raises(ElementFailure, match="xMasterKeyUnavailable"):
            lab.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="Internal")
    finally:
        gate.start()
    lab.call("TestKeyProviderKmip", keyProviderID=provider)
    wait_for(lambda: lab.call("ListClusterFaults", faultTypes="current")["faults"] == [])
    assert lab.cluster.volumes.read(volume, 3, len(DATA)) == DATA


def test_refusals(lab: Lab, make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(ElementFailure, match="xKeyProviderIDDoesNotExist"):
        lab.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="External", keyProviderID=7)
    provider = lab.call("CreateKeyProviderKmip", keyProviderName="empty")["kmipKeyProvider"]["keyProviderID"]
    with pytest.raises(ElementFailure, match="xKeyProviderHasNoKeyServers"):
        lab.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="External", keyProviderID=provider)
    bare = make_lab()
    bare.create(encrypted=False)
    with pytest.raises(ElementFailure, match="xSoftwareEncryptionAtRestNotEnabled"):
        bare.call("RekeySoftwareEncryptionAtRestMasterKey", keyManagementType="Internal")
