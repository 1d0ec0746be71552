"""The unmodified solidfire-sdk-python drives the cluster: every request it can send about keys, with typed results."""

from __future__ import annotations

import base64
import json
import ssl
import time
import uuid
import warnings
from http.client import HTTPSConnection
from typing import Any

import pytest

from tests.cluster.conftest import PASSWORD, USER, KeyServer, Lab

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK's own, and urllib3's about verify_ssl=False


@pytest.fixture
def element(lab: Lab, sdk: Any) -> Any:
    return sdk.create("127.0.0.1", USER, PASSWORD, port=lab.port, print_ascii_art=False)


def wait(element: Any, handle: int) -> Any:
    for _ in range(200):
        found = element.get_async_result(handle, keep_result=True)
        if found["status"] == "complete":
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_trust_servers_and_providers(element: Any, lab: Lab, key_server: KeyServer) -> None:
    element.create_public_private_key_pair()
    element.create_public_private_key_pair(
        common_name="cl1",
        organization="Org",
        organizational_unit="OU",
        locality="L",
        state="ST",
        country="US",
        email_address="a@b",
    )
    csr = element.get_client_certificate_sign_request().client_certificate_sign_request
    assert csr.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert csr.endswith("-----END CERTIFICATE REQUEST-----\n")
    ca, certificate = key_server.sign(csr)
    made = element.create_key_server_kmip(ca, certificate, ["127.0.0.1"], "eks", key_server.port).kmip_key_server
    assert (made.key_provider_id, made.kmip_assigned_provider_is_active) == (None, None)
    default = element.create_key_server_kmip(ca, certificate, ["eks.example"], "other").kmip_key_server
    assert default.kmip_key_server_port == 5696
    assert element.get_key_server_kmip(made.key_server_id).kmip_key_server.kmip_key_server_hostnames == ["127.0.0.1"]
    assert len(element.list_key_servers_kmip().kmip_key_servers) == 2
    assert element.modify_key_server_kmip(made.key_server_id, kmip_key_server_name="x").kmip_key_server
    element.test_key_server_kmip(made.key_server_id)
    provider = element.create_key_provider_kmip("kmipd").kmip_key_provider
    assert (provider.key_provider_is_active, provider.key_server_ids) == (False, [])
    element.add_key_server_to_provider_kmip(provider.key_provider_id, made.key_server_id)
    element.test_key_provider_kmip(provider.key_provider_id)
    found = element.get_key_provider_kmip(provider.key_provider_id).kmip_key_provider
    assert found.key_server_ids == [made.key_server_id]
    assert "PyKMIP" in found.kmip_capabilities
    assert element.list_key_providers_kmip(True, True).kmip_key_providers == []
    assert len(element.list_key_providers_kmip(False, True).kmip_key_providers) == 1
    assert element.list_key_servers_kmip(provider.key_provider_id, True, True).kmip_key_servers == []
    assert len(element.list_key_servers_kmip(provider.key_provider_id, False, True).kmip_key_servers) == 1
    element.remove_key_server_from_provider_kmip(made.key_server_id)
    element.delete_key_server_kmip(made.key_server_id)
    element.delete_key_provider_kmip(provider.key_provider_id)
    assert element.create_key_provider_kmip("again").kmip_key_provider.key_provider_id > provider.key_provider_id


def test_encryption(element: Any, lab: Lab, key_server: KeyServer, sdk: Any) -> None:
    provider = lab.trust(key_server)
    before = element.get_software_encryption_at_rest_info()
    assert (before.state, before.version, before.rekey_master_key_async_result_id) == ("enabled", 1, None)
    handle = element.rekey_software_encryption_at_rest_master_key("external", provider).async_handle
    result = wait(element, handle)["result"]
    assert result["keyToDecommission"]["keyID"] == str(before.master_key_info.key_id)
    after = element.get_software_encryption_at_rest_info()
    assert after.master_key_info.key_management_type == "external"
    assert after.master_key_info.key_provider_id == provider
    assert isinstance(after.master_key_info.key_id, uuid.UUID)
    assert after.rekey_master_key_async_result_id == handle
    again = element.rekey_software_encryption_at_rest_master_key().async_handle
    wait(element, again)
    listed = {h.async_result_id: h for h in element.list_async_results().async_handles}
    assert listed[again].success
    assert listed[again].result_type == "RekeySoftwareEncryptionAtRestMasterKey"
    assert element.list_async_results(["Clone"]).async_handles == []
    element.get_async_result(again)
    assert element.get_software_encryption_at_rest_info().rekey_master_key_async_result_id is None
    from solidfire.common import ApiServerError

    with pytest.raises(ApiServerError) as error:
        element.get_async_result(again)
    assert error.value.error_name == "xDBNoSuchPath"
    assert error.value.message == f"DBClient operation requested on a non-existent path at [/asyncresults/{again}]"


def test_drives(element: Any, lab: Lab, key_server: KeyServer) -> None:
    provider = lab.trust(key_server)

    def reach(state: str) -> None:
        for _ in range(200):
            if element.get_cluster_info().cluster_info.encryption_at_rest_state == state:
                return
            time.sleep(0.05)
        raise AssertionError(state)

    element.enable_encryption_at_rest()
    reach("enabled")
    assert element.get_encryption_at_rest_info().authentication_key_info.key_management_type == "internal"
    element.disable_encryption_at_rest()
    reach("disabled")
    element.enable_encryption_at_rest(provider)
    reach("enabled")
    info = element.get_encryption_at_rest_info()
    assert (info.state, info.authentication_key_info.key_provider_id) == ("enabled", provider)
    assert element.get_key_provider_kmip(provider).kmip_key_provider.key_provider_is_active
    element.disable_encryption_at_rest()
    reach("disabled")
    assert not element.get_key_provider_kmip(provider).kmip_key_provider.key_provider_is_active


def test_cluster(element: Any, lab: Lab) -> None:
    info = element.get_cluster_info().cluster_info
    assert (info.encryption_at_rest_state, info.rep_count, len(info.unique_id)) == ("disabled", 2, 4)
    admin = element.get_current_cluster_admin().cluster_admin
    assert (admin.username, admin.access, admin.auth_method) == (USER, ["administrator"], "Cluster")
    assert element.list_cluster_faults().faults == []
    assert element.get_cluster_version_info().cluster_apiversion == "12.3"
    assert element.get_feature_status("vvols").features[0].enabled is False
    element.enable_feature("vvols")
    assert element.get_feature_status("vvols").features[0].enabled is True
    assert element.list_events(max_events=5).events
    from solidfire.common import ApiServerError

    with pytest.raises(ApiServerError, match="xClusterAlreadyCreated"):
        element.create_cluster("10.0.0.1", "10.0.0.2", "admin", "p", ["10.0.0.3"], accept_eula=True)


def test_create_cluster(make_lab: Any, sdk: Any) -> None:
    lab = make_lab()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        element = sdk.create("127.0.0.1", USER, PASSWORD, port=lab.port, print_ascii_art=False)
        element.create_cluster(
            "10.0.0.1",
            "10.0.0.2",
            USER,
            PASSWORD,
            ["10.0.0.3"],
            accept_eula=True,
            enable_software_encryption_at_rest=True,
        )
        info = element.get_cluster_info().cluster_info
    assert (info.mvip, info.ensemble, info.software_encryption_at_rest_state) == ("10.0.0.1", ["10.0.0.3"], "enabled")


def test_bad_credentials(lab: Lab, sdk: Any) -> None:
    from solidfire.common import ApiConnectionError

    with pytest.raises(ApiConnectionError, match="Bad Credentials"):
        sdk.create("127.0.0.1", USER, "wrong", port=lab.port, print_ascii_art=False)


def test_the_seed_procedure(lab: Lab, key_server: KeyServer) -> None:
    """The task page's steps literally: lower-case methods, no id, the provider's number as a string."""
    assert lab.running is not None
    context = ssl.create_default_context(cafile=str(lab.running.certificate))
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def post(message: dict[str, Any]) -> dict[str, Any]:
        connection = HTTPSConnection("127.0.0.1", lab.port, context=context, timeout=30)
        connection.request("POST", "/json-rpc/12.3", json.dumps(message), {"Authorization": f"Basic {token}"})
        reply = json.loads(connection.getresponse().read())
        connection.close()
        assert reply["id"] is None
        return dict(reply["result"])

    lab.trust(key_server)
    old = post({"method": "getsoftwareencryptionatrestinfo"})
    assert old["state"] == "enabled"
    provider = post({"method": "ListKeyProvidersKmip"})["kmipKeyProviders"][0]["keyProviderID"]
    assert post({"method": "TestKeyProviderKmip", "params": {"keyProviderID": str(provider)}}) == {}
    params = {"keyManagementType": "external", "keyProviderID": str(provider)}
    handle = post({"method": "rekeysoftwareencryptionatrestmasterkey", "params": params})["asyncHandle"]
    for _ in range(200):
        found = post({"method": "GetAsyncResult", "params": {"asyncHandle": handle, "keepResult": True}})
        if found["status"] == "complete":
            break
        assert found["details"]["state"] != "Ready"
        time.sleep(0.02)
    assert set(found) == {"createTime", "lastUpdateTime", "result", "resultType", "status"}
    result = found["result"]
    assert result["keyToDecommission"] == {"keyID": old["masterKeyInfo"]["keyID"], "keyManagementType": "internal"}
    assert result["newKey"]["keyManagementType"] == "external"
    assert result["newKey"]["keyProviderID"] == provider
    assert result["operation"] == (
        "Rekeying Master Key. Master Key management being transferred from Internal Key Management "
        f"to External Key Management with keyProviderID={provider}"
    )
    assert result["state"] == "Ready"
    new = post({"method": "GetSoftwareEncryptionatRestInfo"})
    assert new["masterKeyInfo"]["keyID"] == result["newKey"]["keyID"]
    assert new["masterKeyInfo"]["keyProviderID"] == provider
    assert new["rekeyMasterKeyAsyncResultID"] == handle
