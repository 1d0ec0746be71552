"""The drafts of KMIP 3.0 read as 2.1, as far as that goes: a number that is reported, and no claim.

3.0 drops Batch Count, makes Name a text, and has types for identifiers; the rest of these conversations is 2.1.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tests.conformance.cases import Case, Settings, play
from tests.protocol.corpus import CORPUS
from tests.support.server import Server

VERSION = "3.0"
PASSING = 58  # of those that are in the corpus; may only grow
SETTINGS = Settings()
_TEXTS = ("Identifier", "NameReference", "Reference")


def drafts() -> list[Case]:
    return [Case(path.stem, path) for path in sorted((CORPUS / "cases" / VERSION).rglob("*.xml"))]


def as_2_1(message: ElementTree.Element) -> ElementTree.Element:
    """The message in the words of 2.1."""
    header = message[0]
    for element in header.iter("ProtocolVersionMajor"):
        element.attrib["value"] = "2"
    for element in header.iter("ProtocolVersionMinor"):
        element.attrib["value"] = "1"
    if header.find("BatchCount") is None:
        count = len(message.findall("BatchItem"))
        ElementTree.SubElement(header, "BatchCount", {"type": "Integer", "value": str(count)})
    for element in message.iter():
        if element.attrib.get("type") in _TEXTS:
            element.attrib["type"] = "TextString"
    for parent in message.iter():
        for name in [e for e in parent.findall("Name") if "value" in e.attrib]:
            text = name.attrib.pop("value")
            name.attrib.pop("type")
            ElementTree.SubElement(name, "NameValue", {"type": "TextString", "value": text})
            kind = {"type": "Enumeration", "value": "UninterpretedTextString"}
            ElementTree.SubElement(name, "NameType", kind)
    return message


def problems(server: Server, way: str) -> dict[str, str]:
    """The first thing that is wrong with each draft, or why it cannot be read."""
    found: dict[str, str] = {}
    for case in drafts():
        try:
            found |= play(server, [case], way, as_2_1)
        except (AssertionError, KeyError, ValueError, TypeError) as error:
            found[case.name] = f"unreadable: {error!r}"
    return found
