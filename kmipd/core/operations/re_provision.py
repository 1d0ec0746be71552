"""Re-Provision (KMIP 2.1, 6.1.48): a client replaces the certificate by which it is known.

The new certificate, and the key if the server made it, are objects of the client. The ones before stop counting once
these are stored; the connection on which it was asked ends with them.
"""

from __future__ import annotations

from kmipd.core import creation, registration
from kmipd.core.errors import KmipError
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import (
    CertificateRequestType,
    CertificateType,
    KeyFormatType,
    LinkType,
    ObjectType,
    ResultReason,
)
from kmipd.spec.payloads import ReProvisionRequestPayload, ReProvisionResponsePayload
from kmipd.spec.tags import Tag


def re_provision(ctx: Context, request: ReProvisionRequestPayload) -> ReProvisionResponsePayload:
    provisioner = ctx.services.provisioner
    key = b""
    if request.certificate_request is not None:
        if request.certificate_request.certificate_request_type is CertificateRequestType.CRMF:
            raise KmipError(ResultReason.FEATURE_NOT_SUPPORTED, "requests are PKCS#10, in DER or PEM")
        der = provisioner.certify(ctx.principal, request.certificate_request.certificate_request_value)
    elif request.certificate is not None:
        der = request.certificate.certificate_value
    else:
        der, key = provisioner.issue(ctx.principal)
    provisioner.require_usable(ctx.principal, der)
    uid = _stored(ctx, der, key)
    ctx.unit.after_commit(lambda: provisioner.replace(ctx.principal, der, ctx.now), uid)
    return ReProvisionResponsePayload(unique_identifier=uid)


def _stored(ctx: Context, der: bytes, key: bytes) -> str:
    """The certificate, and before it the key it is for; the identifier that the client is told."""
    certificate = o.Certificate(certificate_type=CertificateType.X_509, certificate_value=der)
    uid, key_uid = creation.new_uid(ctx), creation.new_uid(ctx)
    if key:
        block = o.KeyBlock(key_format_type=KeyFormatType.PKCS_8, key_value=o.KeyValue(key_material=key))
        private = o.PrivateKey(key_block=block)
        _add(ctx, ObjectType.PRIVATE_KEY, private, key_uid, LinkType.CERTIFICATE_LINK, uid)
        _add(ctx, ObjectType.CERTIFICATE, certificate, uid, LinkType.PRIVATE_KEY_LINK, key_uid)
        ctx.touched = key_uid
        return key_uid
    _add(ctx, ObjectType.CERTIFICATE, certificate, uid, None, "")
    return uid


def _add(
    ctx: Context, kind: ObjectType, structure: o.ManagedObject, uid: str, link: LinkType | None, other: str
) -> None:
    wanted = registration.with_facts(creation.requested(ctx), registration.facts(structure))
    if link is not None:
        wanted = wanted.put(Tag.LINK, Link(link_type=link, linked_object_identifier=other))
    attributes = creation.complete(ctx, kind, wanted, generated=False)
    creation.add_wrapped(ctx, kind, structure, attributes, creation.new_lineage(ctx), uid)
