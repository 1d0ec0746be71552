"""The OASIS test cases as conversations, and the runner that holds them with a server."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from kmipd.protocol import Encoding, decode_item, encode_item
from kmipd.spec.kinds import Item, ItemType
from kmipd.spec.payloads import PutResponsePayload
from kmipd.spec.tags import Tag
from kmipd.spec.versions import Version
from kmipd.trust.credentials import hashed
from tests.conformance.comparing import Knowledge, Unknown, differences, told_differences
from tests.protocol.corpus import CORPUS, messages, to_item
from tests.support import authorities
from tests.support.client import Client, Ended, relabelled
from tests.support.editing import edited, walk
from tests.support.https import HTTPSClient
from tests.support.server import Identity, Server
from tests.support.turned import Turned


class NotBound(Exception):
    """A request needs what no answer has told."""


@dataclass(frozen=True)
class Case:
    name: str
    path: Path

    @property
    def version(self) -> Version:
        major, minor = self.path.relative_to(CORPUS / "cases").parts[0].split(".")
        return Version(int(major), int(minor))

    @property
    def number(self) -> tuple[int | str, ...]:
        """For an order in which TL-M-2 comes before TL-M-10."""
        return tuple(f"{int(part):04}" if part.isdigit() else part for part in self.name.split("-"))


def cases(version: str) -> list[Case]:
    found = [Case(path.stem, path) for path in (CORPUS / "cases" / version).rglob("*.xml")]
    return sorted(found, key=lambda case: case.number)


def conversations(version: str) -> Iterator[list[Case]]:
    """Cases that build on each other share a client and its objects; every other has a client of its own."""
    shared: dict[str, list[Case]] = {}
    for case in cases(version):
        family = next((f for f in FAMILIES if case.name.startswith(f)), case.name)
        shared.setdefault(family, []).append(case)
    yield from shared.values()


#: Cases with fixed results although OAEP, PSS and Random IV are random by nature (errata of the test cases).
RANDOM = ("CS-AC-M-OAEP-", "CS-AC-M-1-12", "CS-AC-M-1-13", "CS-BC-M-13-", "CS-RNG-M-")
#: Cases in which a value is what the policy of the server of the test cases happened to be: for how long it lends a key
#: (TC-95 of 1.0 says 16 and 0 seconds, that of 1.1 says 0, that of 1.2 says 3600).
#: What a certificate is that the server issues, is its authority's.
#: The order of its links and names is free, and so are their indexes: 1.0, 1.1 and 1.2 have three different ones.
OF_A_CERTIFICATE = frozenset(
    {Tag.CERTIFICATE_VALUE, Tag.CERTIFICATE_LENGTH, Tag.SERIAL_NUMBER, Tag.CERTIFICATE_SERIAL_NUMBER}
    | {Tag.ATTRIBUTE_INDEX}
)
ANOTHER_POLICY = {"TC-95-": frozenset({Tag.LEASE_TIME}), "TC-134-": OF_A_CERTIFICATE}
#: Cases in which another server says what it is and can (errata: "describe different servers, shape tests only").
DESCRIPTIONS = frozenset({Tag.CAPABILITY_INFORMATION, Tag.PROFILE_INFORMATION, Tag.RNG_PARAMETERS})
ANOTHER_SERVER = ("TC-Q-CAP-", "TC-Q-PROF-", "TC-Q-RNGS-", "TC-Q-S2C-")
#: In TC-92 a key lives for 120 seconds, which pass before the step that finds it deactivated. Here it lives for fewer.
#: The case of 1.0 has the dates of a day in 2010 for them; those of 1.1 and 1.2 say what is meant.
PASSING = "TC-92-"
PASSING_STEP, LIFE_SECONDS, LIFE_HERE_SECONDS = 3, 120, 3
THE_DAY = {
    "2009-02-11T13:01:59+00:00": "$NOW",
    "2010-02-11T13:03:59+00:00": "$NOW+120",
    "2070-02-11T13:03:59+00:00": "$NOW+120",
    "2009-04-17T13:01:58+00:00": "$NOW",
    "2010-04-17T13:03:58+00:00": "$NOW+120",
}
#: Cases in which the server has something to say to a client that listens.
TOLD = "TC-NP-"
#: Later cases of these find what earlier ones left.
FAMILIES = ("SASED-M-", "TL-M-", "TC-RNG-ATTR-")
#: What must be there before a case begins: the first exchange of this one, in the version of the case.
_PAD, _ABSENT_PAD = ("1.3", "TC-OTP-SETUP-1-13"), ("1.3", "TC-OTP-SETUP-2-13")
BEFORE = (
    ("TC-OTP-1-", _PAD),
    ("TC-OTP-2-", _PAD),
    ("TC-OTP-3-", _ABSENT_PAD),
    ("TC-OTP-4-", _PAD),
    ("TC-OTP-5-", _PAD),
    ("TC-OTP-CLEANUP-", _PAD),
    # TC-CREG-2, which is not to be had, makes a key pair and registers a certificate.
    ("TC-CREG-3-", ("1.3", "AKLC-M-1-13")),
    ("TC-CREG-3-", ("1.4", "TC-CERTATTR-1-14")),
)
#: Its clean-up comes as Request, Request, Response, Response (errata); clean-up may be left out.
CUT_SHORT = "TC-DERIVEKEY-4-10"
#: Results that are wrong in the case (kmip-conformance, errata): AES-ECB of the data is what 1.4 has.
#: A serial number is DER where a case locates by it, and is without tag and length where it is answered.
WRONG_RESULTS = {
    ("Data", "fd912d102dbb482f6f6e91bd57119095"): "d9bcce11b0b437b90239552df3a360c9",
    ("CertificateSerialNumber", "00d2f5bad76a5ac8f9"): "020900d2f5bad76a5ac8f9",
    ("SerialNumber", "00d2f5bad76a5ac8f9"): "D2F5BAD76A5AC8F9",
}
WRONG_IN = ("CS-BC-M-6-12", "CS-BC-M-6-13", "TC-PKCS12-2-14", "TC-PKCS12-2-20")
#: Answers that name another object than the request did, by case and step.
MISNAMED = {
    (name, 5): {"$UNIQUE_IDENTIFIER_1": "$UNIQUE_IDENTIFIER_4"} for name in ("TC-SJ-2-12", "TC-SJ-4-12", "TC-SJ-4-14")
}
#: A variable that no answer of the case binds; the same case of 2.0 has the value of this field in its place.
UNBOUND = {("TC-STREAM-MAC-1-14", "MAC_DATA"): Tag.MAC_DATA}


@dataclass(frozen=True)
class Settings:
    """What `kmipd.toml` of a server says beyond the defaults. Every one answers Interop, as test servers do."""

    keys: tuple[tuple[str, object], ...] = ()
    credentials: tuple[tuple[str, str, str], ...] = ()  # principal, by what it is known (TOML), password
    more: str = ""  # TOML

    def applied(self, server: Server) -> Server:
        server.configure("keys", interop=True, **dict(self.keys))
        for principal, known_by, password in self.credentials:
            kept = f'password = "{hashed(password)}"'
            server.append(f'[[credential]]\nprincipal = "{principal}"\n{known_by}\n{kept}')
        return server.append(self.more)


ACME = """
[[extension]]
extension_name = "ACME LOCATION"
extension_tag = 0x54AA01
extension_type = "text-string"
[[extension]]
extension_name = "ACME ZIP CODE"
extension_tag = 0x54AA02
extension_type = "integer"
"""
VALIDATION = """
[[validation]]
validation_authority_type = "nist-cmvp"
validation_authority_country = "US"
validation_authority_uri = "http://csrc.nist.gov/groups/STM/cmvp/"
validation_version_major = 2
validation_type = "software"
validation_level = 1
validation_certificate_identifier = "1747"
validation_certificate_uri = "http://csrc.nist.gov/groups/STM/cmvp/documents/140-1/1401val2012.htm#1747"
"""
BYTES = Settings((("wrapped_value", "bytes"),))
#: Servers that differ by a setting, for cases that exclude each other or what we do unless told otherwise: that the
#: certificate is the identity, and that a client cannot tell another one's objects from those that do not exist.
SETTINGS = {
    "CS-RNG-O-1-": Settings((("rng_seed", "accept"),)),
    "CS-RNG-O-2-": Settings((("rng_seed", "truncate"),)),
    "CS-RNG-O-4-": Settings((("rng_seed", "deny"),)),
    "TC-81-": Settings((("rsa_bits_min", 1024),)),
    "TC-141-": BYTES,
    "TC-WRAP-3-20": BYTES,
    "TC-SENSITIVE-1-": BYTES,
    "TC-OTP-4-": Settings((("withheld", ("one-time-pad",)),)),
    "TC-134-": Settings((("certify_with", authorities.NAME),)),
    "TC-151-": Settings(more="[object_group.default]"),
    "TC-122-": Settings(more=ACME),
    "TC-Q-VAL-1-": Settings(more=VALIDATION),
    "TC-111-": Settings(
        (("foreign_objects", "denied"),),
        (("fred", 'username = "Fred"', "password1"), ("barney", 'username = "Barney"', "secret2")),
    ),
    "TC-112-": Settings(
        (("foreign_objects", "denied"),),
        (
            ("one", 'device = { device_serial_number = "serNum123456", machine_identifier = "machineID1" }', "secret"),
            ("other", 'device = { device_serial_number = "serNum101010" }', "passwd"),
        ),
    ),
}


def settings(conversation: list[Case]) -> Settings:
    """Those of the server these cases are for."""
    return next((s for name, s in SETTINGS.items() if conversation[0].name.startswith(name)), Settings())


#: The ways a conversation may go.
WAYS: dict[str, Callable[[Server, Identity], Client]] = {
    "TTLV by TLS": Client.connect,
    "JSON by HTTPS": partial(HTTPSClient.speaking, Encoding.JSON),
    "XML by HTTPS": partial(HTTPSClient.speaking, Encoding.XML),
}


Reading = Callable[[ElementTree.Element], ElementTree.Element]


def play(
    server: Server, conversation: list[Case], way: str, reading: Reading = lambda message: message
) -> dict[str, str]:
    """The first thing that is wrong with each case; nothing for the cases that pass. `reading` is how each message of
    the case is to be read."""
    identity = server.enrol()
    problems: dict[str, str] = {}
    for case in conversation:
        known = Knowledge()
        known.random = case.name.startswith(RANDOM)
        known.own = next((tags for name, tags in ANOTHER_POLICY.items() if case.name.startswith(name)), frozenset())
        known.passing = case.name.startswith(PASSING)
        known.filled = case.name.startswith("TC-151-")
        known.shapes = DESCRIPTIONS if case.name.startswith(ANOTHER_SERVER) else frozenset()
        with WAYS[way](server, identity) as client, contextlib.ExitStack() as stack:
            _prepare(client, case)
            # 1.x has no word for it, so how the server comes to know that the client listens is not in the case.
            listens = case.name.startswith(TOLD)
            turned = stack.enter_context(Turned(server, identity, case.version)) if listens else None
            problem = _play(client, case, known, turned, [reading(m) for m in messages(case.path)])
        if problem is not None:
            problems[case.name] = problem
    return problems


def _prepare(client: Client, case: Case) -> None:
    if case.name.startswith("TC-134-"):
        client.version = case.version
        authorities.register_authority(client)
    for beginning, (folder, name) in BEFORE:
        if case.name.startswith(beginning):
            path = next((CORPUS / "cases" / folder).rglob(f"{name}.xml"))
            request = to_item(messages(path)[0], lambda kind, text: _said(Knowledge(), kind, text))
            client.exchange(relabelled(encode_item(request), case.version))


def _play(
    client: Client, case: Case, known: Knowledge, turned: Turned | None, exchanged: list[ElementTree.Element]
) -> str | None:
    for element in (e for message in exchanged for e in message.iter() if "value" in e.attrib):
        element.attrib["value"] = _corrected(case, element.tag, element.attrib["value"])
    for step, (asked, answered) in enumerate(zip(exchanged[::2], exchanged[1::2], strict=True)):
        if answered.tag == "RequestMessage" and case.name == CUT_SHORT:
            return None
        for element in (e for e in answered.iter() if "value" in e.attrib):
            text = element.attrib["value"]
            element.attrib["value"] = MISNAMED.get((case.name, step), {}).get(text, text)
        assert (asked.tag, answered.tag) == ("RequestMessage", "ResponseMessage"), case.name
        if turned is not None and asked.find("BatchItem/Operation").attrib["value"] in ("Put", "Notify"):  # type: ignore[union-attr]
            expected = to_item(asked, lambda _, text: Unknown(text[1:]))
            message = turned.asked()
            for problem in told_differences(expected, decode_item(turned.client.last), known):
                return f"step {step}: {problem}"
            turned.answer(message.batch_item[0].operation, PutResponsePayload())
            continue
        if known.passing and step == PASSING_STEP:
            time.sleep(LIFE_HERE_SECONDS + 1)
        try:
            request = to_item(asked, lambda kind, text: _said(known, kind, text))
            data = client.exchange(edited(encode_item(request), lambda item: _instead(known, item)))
        except (NotBound, Ended, OSError) as error:
            return f"step {step}: {type(error).__name__}: {error}"
        known.dates |= {int(i.value) for i in walk(request) if i.kind is ItemType.DATE_TIME}  # type: ignore[arg-type]
        expected = to_item(answered, lambda _, text: Unknown(text[1:]))
        ours = decode_item(data)
        for problem in differences(expected, ours, known):
            return f"step {step}: {problem}"
        for item in walk(ours):
            for (name, variable), tag in UNBOUND.items():
                if (name, tag) == (case.name, item.tag):
                    known.values[variable] = item.value
    return None


def _corrected(case: Case, tag: str, text: str) -> str:
    """Errata: blanks of the word processor within attribute names, and two wrong results."""
    if tag == "AttributeName":
        return " ".join(text.split())
    if case.name.startswith(PASSING):
        return THE_DAY.get(text, text)
    return WRONG_RESULTS.get((tag, text), text) if case.name in WRONG_IN else text


def _instead(known: Knowledge, item: Item) -> Item:
    """A result of another server's key goes back as what it was here."""
    if isinstance(item.value, bytes) and item.value in known.instead:
        return Item(item.tag, item.kind, known.instead[item.value])
    return item


def _said(known: Knowledge, kind: ItemType, text: str) -> Any:
    """The value of a variable in a request."""
    if text.startswith("$NOW"):
        offset = int(text[4:] or "0")
        return int(time.time()) + (LIFE_HERE_SECONDS if known.passing and offset == LIFE_SECONDS else offset)
    if "_RANDOM_" in text:  # "the runner's own": an identifier that no server has made
        made: Any = uuid.uuid5(known.seed, text.removeprefix("$SHORT_").removeprefix("$"))
        return made.bytes[:8] if kind is ItemType.BYTE_STRING else str(made)
    if text[1:] not in known.values:
        raise NotBound(text)
    return known.values[text[1:]]
