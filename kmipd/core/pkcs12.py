"""PKCS#12 containers (KMIP 1.4, 3.45 and 4.11; RFC 7292): a private key with its certificates, under a password.

The password is a Secret Data object that the private key links to; a container that is registered is taken apart, and
one that is asked for is put together from the objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.serialization import pkcs12

from kmipd.core import creation, formats, group_rules, registration, usage, vault
from kmipd.core.algorithms.errors import failed
from kmipd.core.certificates import public_key_attributes
from kmipd.core.errors import KmipError
from kmipd.core.lifecycle import PROCESSING, effective_state
from kmipd.core.model import AttributeSet, ManagedObject
from kmipd.core.services import Context
from kmipd.spec import objects as o
from kmipd.spec.attributes import Link
from kmipd.spec.enumerations import (
    CertificateType,
    KeyFormatType,
    LinkType,
    ObjectType,
    ResultReason,
    SecretDataType,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V2_0

DEFAULT_NAME = "alias"  # KMIP 1.4, 3.45
CHAIN_MAX = 10  # certificates: OpenSSL follows no longer chain
_CONTAINER_MAX = 1024 * 1024  # bytes; deriving its keys and parsing it take time


@dataclass(frozen=True, slots=True)
class Opened:
    """A container taken apart: the private key, its attributes, and the certificates from its own upwards."""

    structure: o.PrivateKey
    wanted: AttributeSet
    chain: tuple[o.Certificate, ...]
    uids: tuple[str, ...]  # of the certificates


def opened(ctx: Context, structure: o.ManagedObject, wanted: AttributeSet) -> Opened | None:
    """None for objects that are no container."""
    if not isinstance(structure, o.PrivateKey) or structure.key_block.key_format_type is not KeyFormatType.PKCS_12:
        return None
    value = structure.key_block.key_value
    data = value.key_material if isinstance(value, o.KeyValue) else value
    if structure.key_block.key_wrapping_data is not None or not isinstance(data, bytes):
        raise KmipError(ResultReason.INVALID_FIELD, "a PKCS#12 container comes in clear: it has a password of its own")
    if len(data) > _CONTAINER_MAX:
        raise KmipError(ResultReason.INVALID_FIELD, f"a PKCS#12 container may have {_CONTAINER_MAX} bytes here")
    password = _password(ctx, wanted)
    try:
        found = pkcs12.load_pkcs12(data, password)
    except (ValueError, UnsupportedAlgorithm):
        raise failed("the PKCS#12 container does not open with this password") from None
    if found.key is None:
        raise KmipError(ResultReason.INVALID_FIELD, "the PKCS#12 container holds no private key")
    wanted = _named(wanted, found)
    der = found.key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    stated = public_key_attributes(found.key.public_key())
    algorithm, length = stated.get(Tag.CRYPTOGRAPHIC_ALGORITHM), stated.get(Tag.CRYPTOGRAPHIC_LENGTH)
    key: Any = vault.in_block(ObjectType.PRIVATE_KEY, KeyFormatType.PKCS_8, algorithm, length, der)
    chain = _chain_of(found)
    uids = tuple(creation.new_uid(ctx) for _ in chain)
    if uids:
        wanted = wanted.append(Tag.LINK, _link(LinkType.PKCS_12_CERTIFICATE_LINK, uids[0]))
    return Opened(key, wanted, chain, uids)


def _link(link_type: LinkType, uid: str) -> Link:
    return Link(link_type=link_type, linked_object_identifier=uid)


def _named(wanted: AttributeSet, found: pkcs12.PKCS12KeyAndCertificates) -> AttributeSet:
    """The friendly name asked for must be the one that is there; compared as its ASN.1 definition says."""
    raw = found.cert.friendly_name if found.cert is not None else None
    name = raw.decode("utf-8", "replace") if raw else None
    asked = wanted.get(Tag.PKCS_12_FRIENDLY_NAME)
    if asked is not None and name is not None and asked.casefold() != name.casefold():
        raise KmipError(ResultReason.INVALID_FIELD, "the PKCS#12 container holds no key of this friendly name")
    return wanted if asked is not None or name is None else wanted.put(Tag.PKCS_12_FRIENDLY_NAME, name)


def _chain_of(found: pkcs12.PKCS12KeyAndCertificates) -> tuple[o.Certificate, ...]:
    """The certificate of the key, and above it those who issued the one below."""
    if found.cert is None:
        return ()
    chain, left = [found.cert.certificate], [extra.certificate for extra in found.additional_certs]
    while len(chain) < CHAIN_MAX and chain[-1].issuer != chain[-1].subject:
        issuer = next((c for c in left if c.subject == chain[-1].issuer), None)
        if issuer is None:
            break
        left.remove(issuer)
        chain.append(issuer)
    return tuple(
        o.Certificate(certificate_type=CertificateType.X_509, certificate_value=c.public_bytes(ser.Encoding.DER))
        for c in chain
    )


def add_chain(ctx: Context, container: Opened) -> None:
    """Register the certificates of a container, each linked to its issuer's."""
    name = container.wanted.instances(Tag.PKCS_12_FRIENDLY_NAME)
    above = (*container.uids[1:], None)
    for structure, uid, issuer in zip(container.chain, container.uids, above, strict=True):
        wanted = registration.with_facts(AttributeSet(), registration.facts(structure))
        wanted = group_rules.filled_in(ctx, ObjectType.CERTIFICATE, wanted)
        if uid == container.uids[0]:
            wanted = wanted.put_instances(Tag.PKCS_12_FRIENDLY_NAME, name)
        if issuer is not None:
            wanted = wanted.append(Tag.LINK, _link(LinkType.PKCS_12_CERTIFICATE_LINK, issuer))
        attributes = creation.complete(ctx, ObjectType.CERTIFICATE, wanted, generated=False)
        creation.add_wrapped(ctx, ObjectType.CERTIFICATE, structure, attributes, creation.new_lineage(ctx), uid)


def container(ctx: Context, obj: ManagedObject, structure: o.ManagedObject) -> o.ManagedObject:
    """A private key as Key Format Type PKCS#12."""
    if not isinstance(structure, o.PrivateKey):
        raise formats.unsupported(KeyFormatType.PKCS_12, "this object")
    password = _password(ctx, obj.attributes)
    material = formats.canonical(structure)
    chain = _linked_chain(ctx, obj)
    name = obj.attributes.get(Tag.PKCS_12_FRIENDLY_NAME, DEFAULT_NAME).encode()
    try:
        key: Any = formats.loaded_private(material)
        data = pkcs12.serialize_key_and_certificates(
            name, key, chain[0] if chain else None, chain[1:], ser.BestAvailableEncryption(password)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KmipError(
            ResultReason.INVALID_FIELD,
            "the linked certificate is not that of the key, or the key fits no PKCS#12",
        ) from None
    # The cases of 1.4 have the container as the Key Value itself, later ones within it.
    value: Any = o.KeyValue(key_material=data) if ctx.version >= V2_0 else data
    return replace(structure, key_block=o.KeyBlock(key_format_type=KeyFormatType.PKCS_12, key_value=value))


def _linked_chain(ctx: Context, obj: ManagedObject) -> list[x509.Certificate]:
    """By the key's own certificate link, or through its public key; then from certificate to certificate."""
    chain: list[x509.Certificate] = []
    seen: set[str] = set()
    following = _next(obj, LinkType.PKCS_12_CERTIFICATE_LINK)
    if following is None and (public := _next(obj, LinkType.PUBLIC_KEY_LINK)) is not None:
        half = ctx.find(public)
        following = _next(half, LinkType.PKCS_12_CERTIFICATE_LINK) or _next(half, LinkType.CERTIFICATE_LINK)
    while following is not None and following not in seen and len(chain) < CHAIN_MAX:
        seen.add(following)
        certificate = ctx.find(following)
        found = vault.structure_of(ctx, certificate)
        if not isinstance(found, o.Certificate) or found.certificate_type is not CertificateType.X_509:
            raise KmipError(ResultReason.INVALID_FIELD, f"{following} is linked as certificate and is none")
        chain.append(x509.load_der_x509_certificate(found.certificate_value))
        following = _next(certificate, LinkType.PKCS_12_CERTIFICATE_LINK) or _next(
            certificate, LinkType.CERTIFICATE_LINK
        )
    return chain


def _next(obj: ManagedObject, link_type: LinkType) -> str | None:
    links = [link for link in obj.attributes.values(Tag.LINK) if link.link_type is link_type]
    if len(links) > 1:
        raise KmipError(ResultReason.INVALID_FIELD, f"{obj.uid} has more than one certificate chain")
    return str(links[0].linked_object_identifier) if links else None


def _password(ctx: Context, attributes: AttributeSet) -> bytes:
    """Of the one PKCS#12 Password Link (KMIP 1.4, 11.13); it is used, so it must be Active, and permit it."""
    links = [i for i in attributes.values(Tag.LINK) if i.link_type is LinkType.PKCS_12_PASSWORD_LINK]
    if len(links) != 1 or not isinstance(links[0].linked_object_identifier, str):
        raise KmipError(ResultReason.INVALID_FIELD, "PKCS#12 needs exactly one PKCS#12 Password Link")
    obj = ctx.find(links[0].linked_object_identifier)
    if effective_state(obj, ctx.now) not in PROCESSING:
        raise KmipError(
            ResultReason.WRONG_KEY_LIFECYCLE_STATE, f"the PKCS#12 password {obj.uid} is not active", said_since=V2_0
        )
    usage.require_mask(obj, CryptographicUsageMask.DERIVE_KEY, "PKCS#12")
    structure = vault.structure_of(ctx, obj)
    if not isinstance(structure, o.SecretData) or structure.secret_data_type is not SecretDataType.PASSWORD:
        raise KmipError(ResultReason.INVALID_FIELD, "a PKCS#12 Password Link leads to Secret Data of type Password")
    return formats.canonical(structure)
