"""Query says what is true: every operation it lists is served, every profile it claims passes its test cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kmipd.core import claims
from kmipd.core.operations import HANDLERS
from kmipd.spec import from_text
from kmipd.spec import payloads as p
from kmipd.spec.enumerations import Operation, ProfileName, QueryFunction, ValidationAuthorityType, ValidationType
from kmipd.spec.kinds import ItemType
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.payloads.parts import ExtensionInformation, ValidationInformation
from kmipd.spec.versions import V1_2, V1_3, V1_4, V2_0, V2_1, VERSIONS, Version
from tests.conformance.cases import cases
from tests.conformance.failing import REASONS
from tests.core.conftest import Service
from tests.protocol.corpus import needs_corpus

ACME = ExtensionInformation(extension_name="ACME", extension_tag=0x54AA01, extension_type=ItemType.TEXT_STRING)
VALIDATION = {
    "validation_authority_type": "nist-cmvp",
    "validation_version_major": 2,
    "validation_type": "hardware",
    "validation_level": 3,
    "validation_profile": ["level 3 physical security"],
}


def _query(service: Service, version: Version, *functions: QueryFunction) -> Any:
    return service.call(Operation.QUERY, p.QueryRequestPayload(query_function=functions), version=version)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: f"{v.major}.{v.minor}")
def test_what_is_listed_is_served(service: Service, version: Version) -> None:
    listed = set(_query(service, version, QueryFunction.QUERY_OPERATIONS).operation)
    served = {*HANDLERS, Operation.NOTIFY, Operation.PUT} - service.services.settings.unserved
    expected = {o for o in served if OPERATIONS[o].since <= version}
    assert listed == expected


@needs_corpus
@pytest.mark.parametrize("family", claims.CLAIMED)
def test_what_is_claimed_passes(family: str) -> None:
    first, last, prefix = claims.CLAIMED[family]
    for version in (v for v in VERSIONS if first <= v <= last):
        mandatory = [c.name for c in cases(f"{version.major}.{version.minor}") if "/mandatory/" in str(c.path)]
        of_profile = [name for name in mandatory if prefix and name.startswith(prefix)]
        # An erratum of a case is no fault of the server; anything else would make the claim untrue.
        untrue = [n for n in of_profile if n in REASONS and not REASONS[n].startswith("ERRATUM")]
        assert untrue == []


def test_profiles_are_said_in_the_words_of_the_version(service: Service) -> None:
    told = {v: _query(service, v, QueryFunction.QUERY_PROFILES).profile_information for v in (V1_3, V1_4, V2_0, V2_1)}
    names = {version: {i.profile_name for i in information} for version, information in told.items()}
    assert ProfileName.TAPE_LIBRARY_SERVER_KMIP_V1_4 in names[V1_4] - names[V1_3]
    assert ProfileName.TAPE_LIBRARY_SERVER_KMIP_V1_0 in names[V1_3]
    assert ProfileName.TAPE_LIBRARY_SERVER in names[V2_0] & names[V2_1]
    assert all(i.profile_version is not None for i in told[V2_1])
    assert ProfileName.HTTPS_SERVER in names[V2_1]
    service.configure(replace(service.services.settings, https=False))
    without = _query(service, V2_1, QueryFunction.QUERY_PROFILES).profile_information
    assert {ProfileName.HTTPS_SERVER, ProfileName.JSON_SERVER}.isdisjoint({i.profile_name for i in without})
    assert all("CLIENT" not in name.name for listed in names.values() for name in listed)


def test_validations_and_extensions_are_the_settings(service: Service) -> None:
    nothing = _query(service, V1_4, QueryFunction.QUERY_VALIDATIONS, QueryFunction.QUERY_EXTENSION_LIST)
    assert (nothing.validation_information, nothing.extension_information) == ((), ())
    validation = from_text.structure_of(ValidationInformation, VALIDATION)
    service.configure(replace(service.services.settings, validations=(validation,), extensions=(ACME,)))
    assert _query(service, V2_1, QueryFunction.QUERY_VALIDATIONS).validation_information == (validation,)
    listed = _query(service, V1_2, QueryFunction.QUERY_EXTENSION_LIST).extension_information
    assert listed == (ExtensionInformation(extension_name="ACME"),)
    both = QueryFunction.QUERY_EXTENSION_LIST, QueryFunction.QUERY_EXTENSION_MAP
    assert _query(service, V2_1, *both).extension_information == (ACME,)
    assert _query(service, V1_2, *both).extension_information == (replace(ACME, extension_type=7),)


def test_settings_are_read_in_the_words_of_the_standard() -> None:
    made = from_text.structure_of(ValidationInformation, VALIDATION)
    assert made.validation_authority_type is ValidationAuthorityType.NIST_CMVP
    assert made.validation_type is ValidationType.HARDWARE
    assert made.validation_profile == ("level 3 physical security",)
    for wrong in (
        {"validation_level": 3},
        {**VALIDATION, "level": 3},
        {**VALIDATION, "validation_level": "3"},
        {**VALIDATION, "validation_type": "wetware"},
        {**VALIDATION, "validation_profile": "one"},
    ):
        with pytest.raises(from_text.NotOfTheStandard):
            from_text.structure_of(ValidationInformation, wrong)
