"""The cluster itself."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import EVERYONE, Call, Method
from kmipd.cluster.element.methods.api import CURRENT_VERSION
from kmipd.cluster.states import DISABLED, ENABLED

SOFTWARE_VERSION: Final = f"{CURRENT_VERSION}.0.0"
_FEATURES: Final = ("vvols", "snapmirror", "fips", "fipsDrives", "softwareEncryptionAtRest")


def info(call: Call) -> dict[str, Any]:
    with call.cluster.store.unit() as unit:
        row, nodes = unit.cluster.one(), unit.nodes.all()
    assert row is not None
    return {
        "clusterInfo": {
            "attributes": row.attributes,
            "defaultProtectionScheme": "doubleHelix",
            "enabledProtectionSchemes": ["doubleHelix"],
            "supportedProtectionSchemes": ["doubleHelix"],
            "encryptionAtRestState": row.ear_state,
            "softwareEncryptionAtRestState": ENABLED if row.sear_enabled else DISABLED,
            "ensemble": [node.address for node in nodes],
            "mvip": row.mvip,
            "mvipNodeID": nodes[0].id,
            "mvipInterface": "Bond1G",
            "mvipVlanTag": "0",
            "svip": row.svip,
            "svipNodeID": nodes[0].id,
            "svipInterface": "Bond10G",
            "svipVlanTag": "0",
            "name": row.name,
            "repCount": row.rep_count,
            "uniqueID": row.unique_id,
            "uuid": row.uuid,
        }
    }


def admin(call: Call) -> dict[str, Any]:
    found = call.admin
    assert found is not None
    return {
        "clusterAdmin": {
            "access": found.access,
            "attributes": found.attributes,
            "authMethod": "Cluster",
            "clusterAdminID": found.id,
            "username": found.username,
        }
    }


def version(call: Call) -> dict[str, Any]:
    with call.cluster.store.unit() as unit:
        nodes = unit.nodes.all()
    return {
        "clusterAPIVersion": CURRENT_VERSION,
        "clusterVersion": SOFTWARE_VERSION,
        "clusterVersionInfo": [
            {"nodeID": node.id, "nodeInternalRevision": "kmipd", "nodeVersion": SOFTWARE_VERSION} for node in nodes
        ],
        "softwareVersionInfo": {
            "currentVersion": SOFTWARE_VERSION,
            "nodeID": 0,
            "packageName": "",
            "pendingVersion": SOFTWARE_VERSION,
            "startTime": "",
        },
    }


def feature_status(call: Call) -> dict[str, Any]:
    wanted = call.params.text_or_none("feature")
    with call.cluster.store.unit() as unit:
        row = unit.cluster.one()
    assert row is not None
    enabled = {*row.features, *(["softwareEncryptionAtRest"] if row.sear_enabled else [])}
    names = _FEATURES if wanted is None else (wanted,)
    return {"features": [{"feature": name, "enabled": name in enabled} for name in names]}


def enable_feature(call: Call) -> dict[str, Any]:
    feature = call.params.text("feature")
    with call.cluster.store.unit() as unit:
        row = unit.cluster.one()
        assert row is not None
        if feature not in row.features:
            unit.cluster.update(row.id, features=[*row.features, feature])
            call.cluster.notices.event(unit, "apiEvent", f"The feature {feature[:64]!r} was enabled.")
    return {}


METHODS: Final = (
    Method("GetClusterInfo", info, EVERYONE),
    Method("GetCurrentClusterAdmin", admin, EVERYONE),
    Method("GetClusterVersionInfo", version, EVERYONE),
    Method("GetFeatureStatus", feature_status, EVERYONE),
    Method("EnableFeature", enable_feature),
)
