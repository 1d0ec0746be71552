"""GetAPI and CreateCluster: what works before there is a cluster."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.element.method import EVERYONE, Call, Method
from kmipd.cluster.errors import ElementError
from kmipd.cluster.setup import NewCluster

CURRENT_VERSION: Final = "12.3"  # the SDK calls rekey from 12.3 on, and must be able to read it as a float
SUPPORTED_VERSIONS: Final = (
    *("1.0", "2.0", "3.0", "4.0", "5.0", "5.1", "6.0", "7.0", "7.1", "7.2", "7.3", "7.4"),
    *("8.0", "8.1", "8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "9.0", "9.1", "9.2", "9.3", "9.4", "9.5", "9.6"),
    *("10.0", "10.1", "10.2", "10.3", "10.4", "10.5", "10.6", "11.0", "11.1", "11.3", "11.5", "11.7", "11.8"),
    *("12.0", "12.2", "12.3"),
)
MAX_TEXT: Final = 1024


def get_api(_call: Call) -> dict[str, Any]:
    from kmipd.cluster.element.methods import METHODS  # the list contains this very function

    names = sorted(method.name for method in METHODS)
    return {
        "currentVersion": CURRENT_VERSION,
        "supportedVersions": list(SUPPORTED_VERSIONS),
        CURRENT_VERSION: names,
    }


def create_cluster(call: Call) -> dict[str, Any]:
    params = call.params
    mvip, svip, nodes = params.text("mvip"), params.text("svip"), params.texts("nodes")
    username, password = params.text("username"), params.text("password")
    accepted = params.flag("acceptEula", False)
    attributes = params.mapping("attributes")
    software = params.flag("enableSoftwareEncryptionAtRest", False)
    rep_count = params.number_or_none("repCount")
    params.text_or_none("serialNumber")
    params.text_or_none("orderNumber")
    if call.cluster.setup.cluster() is None:
        _check(username, password, nodes, accepted)
    call.cluster.setup.create(
        NewCluster(
            mvip=mvip,
            svip=svip,
            username=username,
            password=password,
            nodes=nodes,
            software_encryption=software,
            rep_count=2 if rep_count is None else rep_count,
            attributes=attributes,
        )
    )
    call.cluster.keeper.wake()
    return {}


def _check(username: str, password: str, nodes: list[str], accepted: bool) -> None:
    if not accepted:
        raise ElementError("xInvalidParameter", "acceptEula must be true.")
    for name, value in (("username", username), ("password", password)):
        if not value or len(value) > MAX_TEXT:
            raise ElementError("xInvalidParameter", f"{name} must hold 1 to {MAX_TEXT} characters.")
    if ":" in username:
        raise ElementError(
            "xInvalidParameter", "username must not contain a colon; Basic authentication ends it there."
        )
    if not nodes:
        raise ElementError("xInvalidParameter", "nodes must name at least one node.")


METHODS: Final = (
    Method("GetAPI", get_api, EVERYONE, bootstrap=True),
    Method("CreateCluster", create_cluster, bootstrap=True),
)
