"""Archive, leases and usage limits: what one operation grants or takes away shows in the requests that follow."""

from __future__ import annotations

from typing import Any

from kmipd.spec import objects as o
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters, UsageLimits
from kmipd.spec.enumerations import BlockCipherMode, RevocationReasonCode, UsageLimitsUnit, WrappingMethod
from kmipd.spec.enumerations import Operation as O
from kmipd.spec.enumerations import ResultReason as R
from kmipd.spec.masks import CryptographicUsageMask, StorageStatusMask
from kmipd.spec.tags import Tag
from kmipd.spec.versions import V1_4, V2_1
from tests.core.conftest import Service
from tests.support.asking import aes, attributes_request, create_request, locate_request, name, revoke_request
from tests.support.client import found

ARCHIVAL, ON_LINE = StorageStatusMask.ARCHIVAL_STORAGE, StorageStatusMask.ON_LINE_STORAGE


def _create(service: Service, *more: tuple[Tag | str, Any], **options: Any) -> str:
    return str(service.call(O.CREATE, create_request(V1_4, aes(*more, **options))).unique_identifier)


def _get(uid: str) -> tuple[O, p.GetRequestPayload]:
    return O.GET, p.GetRequestPayload(unique_identifier=uid)


def _located(service: Service, mask: StorageStatusMask | None) -> tuple[str, ...]:
    request = locate_request(V1_4, [(Tag.NAME, name("kept"))], storage_status_mask=mask)
    return tuple(service.call(O.LOCATE, request).unique_identifier)


def test_an_archived_object_is_out_of_reach_until_it_is_recovered(service: Service) -> None:
    uid = _create(service, (Tag.NAME, name("kept")), (Tag.ACTIVATION_DATE, service.clock.time))
    material = service.call(*_get(uid)).managed_object
    service.call(O.ARCHIVE, p.ArchiveRequestPayload(unique_identifier=uid))
    for operation, request in (
        _get(uid),
        (O.ENCRYPT, p.EncryptRequestPayload(unique_identifier=uid, data=b"0" * 16)),
        (O.REVOKE, revoke_request(uid)),
        (O.ARCHIVE, p.ArchiveRequestPayload(unique_identifier=uid)),
        (O.OBTAIN_LEASE, p.ObtainLeaseRequestPayload(unique_identifier=uid)),
    ):
        assert service.refusal(operation, request) is R.OBJECT_ARCHIVED, operation
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V1_4, uid)))
    assert seen["Archive Date"] == service.clock.time
    assert [_located(service, mask) for mask in (None, ON_LINE, ARCHIVAL, ARCHIVAL | ON_LINE)] == [
        (),
        (),
        (uid,),
        (uid,),
    ]
    service.call(O.RECOVER, p.RecoverRequestPayload(unique_identifier=uid))
    assert service.call(*_get(uid)).managed_object == material
    assert [_located(service, mask) for mask in (None, ARCHIVAL)] == [(uid,), ()]
    assert "Archive Date" not in found(service.call(O.GET_ATTRIBUTES, attributes_request(V1_4, uid)))


def test_an_archived_key_does_not_wrap(service: Service) -> None:
    uid = _create(service)
    wrap = _create(service, (Tag.ACTIVATION_DATE, service.clock.time), mask=CryptographicUsageMask.WRAP_KEY)
    service.call(O.ARCHIVE, p.ArchiveRequestPayload(unique_identifier=wrap))
    spec = o.KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=o.EncryptionKeyInformation(unique_identifier=wrap),
    )
    request = p.GetRequestPayload(unique_identifier=uid, key_wrapping_specification=spec)
    assert service.refusal(O.GET, request, version=V2_1) is R.WRAPPING_OBJECT_ARCHIVED


def test_a_lease_never_outlives_the_key(service: Service) -> None:
    longest = service.services.settings.lease_time_seconds
    start = service.clock.time
    uid = _create(service, (Tag.ACTIVATION_DATE, start), (Tag.DEACTIVATION_DATE, start + longest + 60))
    lease = p.ObtainLeaseRequestPayload(unique_identifier=uid)
    assert service.call(O.OBTAIN_LEASE, lease).lease_time == longest
    service.clock.time = start + longest
    assert service.call(O.OBTAIN_LEASE, lease).lease_time == 60
    seen = found(service.call(O.GET_ATTRIBUTES, attributes_request(V1_4, uid, Tag.LEASE_TIME)))
    assert seen == {"Lease Time": 60}
    check = p.CheckRequestPayload(unique_identifier=uid, lease_time=61)
    assert service.refusal(O.CHECK, check) is R.PERMISSION_DENIED
    service.call(O.REVOKE, revoke_request(uid, RevocationReasonCode.KEY_COMPROMISE))
    assert service.refusal(O.OBTAIN_LEASE, lease) is R.PERMISSION_DENIED
    assert service.refusal(O.OBTAIN_LEASE, lease, version=V2_1) is R.WRONG_KEY_LIFECYCLE_STATE


def test_a_lease_tells_what_changed(service: Service) -> None:
    uid = _create(service)
    lease = p.ObtainLeaseRequestPayload(unique_identifier=uid)
    before = service.call(O.OBTAIN_LEASE, lease).last_change_date
    service.clock.time += 5
    service.call(O.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))
    assert service.call(O.OBTAIN_LEASE, lease).last_change_date == before + 5


def _limited(service: Service, total: int, unit: UsageLimitsUnit) -> str:
    limits = UsageLimits(usage_limits_total=total, usage_limits_unit=unit)
    return _create(service, (Tag.USAGE_LIMITS, limits), (Tag.ACTIVATION_DATE, service.clock.time))


def test_an_allocation_is_spent_when_it_is_given(service: Service) -> None:
    """Also after a restart: the count stands in the registry."""
    uid = _limited(service, 100, UsageLimitsUnit.BYTE)
    ecb = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
    encrypt = p.EncryptRequestPayload(unique_identifier=uid, data=b"0" * 32, cryptographic_parameters=ecb)
    service.call(
        O.GET_USAGE_ALLOCATION, p.GetUsageAllocationRequestPayload(unique_identifier=uid, usage_limits_count=60)
    )
    service.call(O.ENCRYPT, encrypt)
    assert service.refusal(O.ENCRYPT, encrypt) is R.PERMISSION_DENIED
    more = p.GetUsageAllocationRequestPayload(unique_identifier=uid, usage_limits_count=9)
    assert service.refusal(O.GET_USAGE_ALLOCATION, more) is R.PERMISSION_DENIED
    check = p.CheckRequestPayload(unique_identifier=uid, usage_limits_count=8)
    assert service.refusal(O.CHECK, check) is None
    again = Service(service.application)
    again.principal = service.principal
    seen = found(again.call(O.GET_ATTRIBUTES, attributes_request(V1_4, uid, Tag.USAGE_LIMITS)))["Usage Limits"]
    assert (seen.usage_limits_total, seen.usage_limits_count) == (100, 8)


def test_nothing_is_allocated_where_there_is_nothing_to_allocate(service: Service) -> None:
    request = p.GetUsageAllocationRequestPayload
    unlimited = _create(service, (Tag.ACTIVATION_DATE, service.clock.time))
    assert service.refusal(O.GET_USAGE_ALLOCATION, request(unique_identifier=unlimited, usage_limits_count=1))
    limits = UsageLimits(usage_limits_total=5, usage_limits_unit=UsageLimitsUnit.OBJECT)
    asleep = _create(service, (Tag.USAGE_LIMITS, limits))
    assert service.refusal(O.GET_USAGE_ALLOCATION, request(unique_identifier=asleep, usage_limits_count=1))
    readable = _create(
        service,
        (Tag.USAGE_LIMITS, limits),
        (Tag.ACTIVATION_DATE, service.clock.time),
        mask=CryptographicUsageMask.DECRYPT,
    )
    assert service.refusal(O.GET_USAGE_ALLOCATION, request(unique_identifier=readable, usage_limits_count=1))
    uid = _limited(service, 5, UsageLimitsUnit.OBJECT)
    assert service.refusal(O.GET_USAGE_ALLOCATION, request(unique_identifier=uid, usage_limits_count=0))
