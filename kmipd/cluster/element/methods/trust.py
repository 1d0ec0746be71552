"""Establishing trust: the key pair and its signing request."""

from __future__ import annotations

from typing import Any, Final

from kmipd.cluster.certificates import SUBJECT
from kmipd.cluster.element.method import Call, Method


def create_key_pair(call: Call) -> dict[str, Any]:
    given = {name: call.params.text_or_none(name) for name in SUBJECT}
    call.cluster.key_pairs.create({name: value for name, value in given.items() if value})
    return {}


def get_signing_request(call: Call) -> dict[str, Any]:
    return {"clientCertificateSignRequest": call.cluster.key_pairs.signing_request()}


METHODS: Final = (
    Method("CreatePublicPrivateKeyPair", create_key_pair),
    Method("GetClientCertificateSignRequest", get_signing_request),
)
