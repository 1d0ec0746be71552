"""Certify and Re-certify (KMIP 1.4, 4.7 and 4.8; 2.1, 6.1.6 and 6.1.45)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as ser

from kmipd.core import certification, creation, group_rules, registration, succession, vault
from kmipd.core.certification import Subject
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import DESTROYED, effective_state, wrong_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import LinkType, ObjectType, ResultReason
from kmipd.spec.enumerations import UniqueIdentifierEnum as U
from kmipd.spec.payloads import (
    CertifyRequestPayload,
    CertifyResponsePayload,
    ReCertifyRequestPayload,
    ReCertifyResponsePayload,
)
from kmipd.spec.tags import Tag


def certify(ctx: Context, request: CertifyRequestPayload) -> CertifyResponsePayload:
    creation.require_software(request.protection_storage_masks)
    by = certification.authority(ctx)
    wanted = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    subject = _requested_subject(request)
    public: ManagedObject | None = None
    # With a request that says it all, no object need be named (2.1, 6.1.6).
    if subject is None or request.unique_identifier is not None:
        named = ctx.object(request.unique_identifier)
        if named.object_type is ObjectType.CERTIFICATE_REQUEST:
            subject = _stored_subject(ctx, named)
        else:
            public = named
            subject = _for_public_key(ctx, public, subject)
    lineage = creation.new_lineage(ctx)
    made = _issued(ctx, by, subject, _linked(wanted, public), lineage)
    if public is not None:
        _point_to(ctx, public.uid, made.uid)
    ctx.touched = made.uid
    ctx.placeholder.set(made.uid, U.CERTIFY)
    return CertifyResponsePayload(unique_identifier=made.uid)


def re_certify(ctx: Context, request: ReCertifyRequestPayload) -> ReCertifyResponsePayload:
    creation.require_software(request.protection_storage_masks)
    by = certification.authority(ctx)
    old = ctx.object(request.unique_identifier)
    succession.require_current(ctx, old, ObjectType.CERTIFICATE, "Re-certify")
    was = certification.subject_of(certification.managed_certificate(ctx, old))
    subject = _requested_subject(request)
    if subject is None and request.certificate_request_unique_identifier is not None:
        subject = _stored_subject(ctx, ctx.object(request.certificate_request_unique_identifier))
    if subject is None:
        subject = was
    elif _spki(subject.key) != _spki(was.key):
        raise KmipError(ResultReason.INVALID_CSR, "the certificate request is for another key than the certificate")
    wished = creation.requested(ctx, request.template_attribute, attributes=request.attributes)
    inherited = succession.inherited(ctx, old, request.offset)
    for tag in registration.facts(vault.structure_of(ctx, old)):
        inherited = inherited.put(tag)  # what the old certificate said of itself
    wanted = creation.merged(inherited, wished)
    wanted = wanted.put(Tag.NAME, *dict.fromkeys((*wished.values(Tag.NAME), *old.attributes.values(Tag.NAME))))
    succession.give_up_names(ctx, old)
    public = _public_key_of(ctx, old)
    wanted = succession.with_replaced_link(_linked(wanted, public), old)
    lineage = creation.Lineage(key_id=old.key_id, version=old.key_version + 1)
    made = _issued(ctx, by, subject, wanted, lineage)
    succession.hand_over(ctx, old, made.uid)
    if public is not None:
        _point_to(ctx, public.uid, made.uid)
    ctx.touched = made.uid
    ctx.placeholder.set(made.uid, U.RE_CERTIFY)
    return ReCertifyResponsePayload(unique_identifier=made.uid)


def _issued(
    ctx: Context, by: certification.Authority, subject: Subject, wanted: AttributeSet, lineage: creation.Lineage
) -> ManagedObject:
    structure = certification.issue(ctx, by, subject, wanted)
    wanted = registration.with_facts(wanted, registration.facts(structure))
    wanted = group_rules.filled_in(ctx, ObjectType.CERTIFICATE, wanted)
    attributes = creation.complete(ctx, ObjectType.CERTIFICATE, wanted, generated=False)
    attributes = attributes.put(Tag.ORIGINAL_CREATION_DATE, ctx.now)
    return creation.add_wrapped(ctx, ObjectType.CERTIFICATE, structure, attributes, lineage, creation.new_uid(ctx))


def _requested_subject(request: CertifyRequestPayload | ReCertifyRequestPayload) -> Subject | None:
    data = request.certificate_request if request.certificate_request is not None else request.certificate_request_value
    return None if data is None else certification.read_request(request.certificate_request_type, data)


def _stored_subject(ctx: Context, obj: ManagedObject) -> Subject:
    structure = vault.structure_of(ctx, obj)
    if not isinstance(structure, o.CertificateRequest):
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, f"{obj.uid} is no certificate request")
    return certification.read_request(structure.certificate_request_type, structure.certificate_request_value)


def _for_public_key(ctx: Context, obj: ManagedObject, requested: Subject | None) -> Subject:
    """The request's subject, if it is for this very key; without a request the key's own name."""
    if obj.object_type is not ObjectType.PUBLIC_KEY:
        raise KmipError(ResultReason.INVALID_OBJECT_TYPE, f"{obj.uid} is neither public key nor certificate request")
    state = effective_state(obj, ctx.now)
    if state in DESTROYED:
        raise wrong_state(obj, "Certify", state)
    try:
        key: Any = ser.load_der_public_key(vault.material_of(ctx, obj))
    except (ValueError, UnsupportedAlgorithm):
        raise KmipError(ResultReason.INVALID_FIELD, f"the key of {obj.uid} cannot be read") from None
    if requested is None:
        names = obj.attributes.values(Tag.NAME)
        common = str(names[0].name_value if names else obj.uid)[:64]  # RFC 5280, appendix A.1
        return Subject(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]), key)
    if _spki(requested.key) != _spki(key):
        raise KmipError(ResultReason.INVALID_CSR, f"the certificate request is for another key than {obj.uid}")
    return requested


def _spki(key: Any) -> bytes:
    return bytes(key.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo))


def _linked(wanted: AttributeSet, public: ManagedObject | None) -> AttributeSet:
    if public is None:
        return wanted
    link = Link(link_type=LinkType.PUBLIC_KEY_LINK, linked_object_identifier=public.uid)
    return wanted.put(Tag.LINK, link, *wanted.values(Tag.LINK))


def _public_key_of(ctx: Context, certificate: ManagedObject) -> ManagedObject | None:
    for link in certificate.attributes.values(Tag.LINK):
        if link.link_type is LinkType.PUBLIC_KEY_LINK:
            return ctx.find(str(link.linked_object_identifier))
    return None


def _point_to(ctx: Context, public: str, certificate: str) -> None:
    """The public key's one Certificate Link leads to the newest certificate."""
    key = ctx.find(public)
    link = Link(link_type=LinkType.CERTIFICATE_LINK, linked_object_identifier=certificate)
    others = [other for other in key.attributes.values(Tag.LINK) if other.link_type is not LinkType.CERTIFICATE_LINK]
    attributes = key.attributes.put(Tag.LINK, *others, link).put(Tag.LAST_CHANGE_DATE, ctx.now)
    ctx.unit.put(replace(key, attributes=attributes))
