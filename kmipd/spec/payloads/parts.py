"""Structures that payloads share (1.4 §2.1, 2.1 §7)."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from kmipd.spec import enumerations as e
from kmipd.spec.attributes import Attributes, CryptographicParameters, UniqueIdentifier, UsageLimits
from kmipd.spec.declare import REST, DateTimeExtended, since, structure
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.masks import ProtectionStorageMask
from kmipd.spec.versions import V1_4, V2_0, V2_1, Version

#: Bytes in 1.x.  2.x also allows the output of an earlier batch item, by operation or n-th (2.1 §7.9).
Data: TypeAlias = bytes | e.DataEnum | int


@structure
class ProtocolVersion:
    """Protocol Version (1.4 §6.1)."""

    protocol_version_major: int
    protocol_version_minor: int

    @property
    def version(self) -> Version:
        """The same as a comparable value."""
        return Version(self.protocol_version_major, self.protocol_version_minor)

    @classmethod
    def of(cls, version: Version) -> ProtocolVersion:
        """The structure for `version`."""
        return cls(protocol_version_major=version.major, protocol_version_minor=version.minor)


@structure
class DerivationParameters:
    """Derivation Parameters (1.4 §4.6)."""

    cryptographic_parameters: CryptographicParameters | None = None
    initialization_vector: bytes | None = None
    derivation_data: bytes | None = None
    salt: bytes | None = None
    iteration_count: int | None = None


@structure
class ProtectionStorageMasks:
    """Protection Storage Masks, alternatives in order (2.1 §7.33)."""

    protection_storage_mask: tuple[ProtectionStorageMask, ...] = ()


@structure
class ObjectGroups:
    """Object Groups (2.1 §7.23)."""

    object_group: tuple[str, ...] = ()


@structure
class ObjectTypes:
    """Object Types (2.1 §7.24)."""

    object_type: tuple[e.ObjectType, ...] = ()


@structure
class Operations:
    """Operations (2.1 §7.25)."""

    operation: tuple[e.Operation, ...] = ()


@structure
class Objects:
    """Objects (2.1 §7.21)."""

    unique_identifier: tuple[UniqueIdentifier, ...] = ()


@structure
class Right:
    """Right (2.1 §7.34)."""

    usage_limits: UsageLimits | None = None
    operations: Operations | None = None
    objects: Objects | None = None
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class Rights:
    """Rights (2.1 §7.35)."""

    right: tuple[Right, ...] = ()


@structure
class ObjectDefaults:
    """Object Defaults (2.1 §7.22): for one Object Type, or since 2.1 for several."""

    object_type: e.ObjectType | None = None
    object_types: Annotated[ObjectTypes | None, since(V2_1)] = None
    attributes: Attributes
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class DefaultsInformation:
    """Defaults Information (2.1 §7.11)."""

    object_defaults: tuple[ObjectDefaults, ...] = ()


@structure
class Constraint:
    """Constraint (2.1 §7.6)."""

    object_types: ObjectTypes | None = None
    object_groups: ObjectGroups | None = None
    attributes: Attributes | None = None


@structure
class Constraints:
    """Constraints (2.1 §7.7)."""

    constraint: tuple[Constraint, ...] = ()


@structure
class AsynchronousCorrelationValues:
    """Asynchronous Correlation Values (2.1 §7.1)."""

    asynchronous_correlation_value: tuple[bytes, ...] = ()


@structure
class AsynchronousRequest:
    """Asynchronous Request (2.1 §7.2)."""

    asynchronous_correlation_value: bytes
    operation: e.Operation
    submission_date: DateTimeExtended
    processing_stage: e.ProcessingStage


@structure
class ServerInformation:
    """Server Information: the vendor's in 1.x, with standard fields before them in 2.x (2.1 §7.37)."""

    server_name: Annotated[str | None, since(V2_0)] = None
    server_serial_number: Annotated[str | None, since(V2_0)] = None
    server_version: Annotated[str | None, since(V2_0)] = None
    server_load: Annotated[str | None, since(V2_0)] = None
    product_name: Annotated[str | None, since(V2_0)] = None
    build_level: Annotated[str | None, since(V2_0)] = None
    build_date: Annotated[str | None, since(V2_0)] = None
    cluster_info: Annotated[str | None, since(V2_0)] = None
    alternate_failover_endpoints: Annotated[tuple[str, ...], since(V2_0)] = ()
    vendor_specific: Annotated[tuple[Item, ...], REST] = ()


@structure
class ExtensionInformation:
    """Extension Information (1.4 §2.1.9, 2.1 §7.13)."""

    extension_name: str
    extension_tag: int | None = None
    #: An Integer in 1.x, an Enumeration in 2.x.
    extension_type: int | ItemType | None = None
    extension_enumeration: Annotated[int | None, since(V2_0)] = None
    extension_attribute: Annotated[bool | None, since(V2_0)] = None
    extension_parent_structure_tag: Annotated[int | None, since(V2_0)] = None
    extension_description: Annotated[str | None, since(V2_0)] = None


@structure
class ProfileVersion:
    """Profile Version (2.1 §7.32)."""

    profile_version_major: int
    profile_version_minor: int


@structure
class ProfileInformation:
    """Profile Information (1.4 §2.1.19)."""

    profile_name: e.ProfileName
    profile_version: Annotated[ProfileVersion | None, since(V2_0)] = None
    server_uri: str | None = None
    server_port: int | None = None


@structure
class ValidationInformation:
    """Validation Information (1.4 §2.1.20)."""

    validation_authority_type: e.ValidationAuthorityType
    validation_authority_country: str | None = None
    validation_authority_uri: str | None = None
    validation_version_major: int
    validation_version_minor: int | None = None
    validation_type: e.ValidationType
    validation_level: int
    validation_certificate_identifier: str | None = None
    validation_certificate_uri: str | None = None
    validation_vendor_uri: str | None = None
    validation_profile: tuple[str, ...] = ()


@structure
class CapabilityInformation:
    """Capability Information (1.4 §2.1.21)."""

    streaming_capability: bool | None = None
    asynchronous_capability: bool | None = None
    attestation_capability: bool | None = None
    batch_undo_capability: Annotated[bool | None, since(V1_4)] = None
    batch_continue_capability: Annotated[bool | None, since(V1_4)] = None
    unwrap_mode: e.UnwrapMode | None = None
    destroy_action: e.DestroyAction | None = None
    shredding_algorithm: e.ShreddingAlgorithm | None = None
    rng_mode: e.RNGMode | None = None
    quantum_safe_capability: Annotated[bool | None, since(V2_0)] = None
