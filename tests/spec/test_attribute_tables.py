"""The attribute rules against the "Attribute Rules" tables of the specifications themselves."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest

from kmipd.spec.attribute_rules import ATTRIBUTES, AttributeRule, Party
from kmipd.spec.names import title
from kmipd.spec.versions import V1_4, V2_1, Version
from tests.protocol.corpus import CORPUS, needs_corpus

pytestmark = needs_corpus

SPECIFICATIONS = {V1_4: "kmip-spec-v1.4-os.html", V2_1: "kmip-spec-v2.1-os.html"}
ROWS = (
    "SHALL always have a value",
    "Initially set by",
    "Modifiable by server",
    "Modifiable by client",
    "Deletable by client",
    "Multiple instances permitted",
    "When implicitly set",
    "Applies to Object Types",
)
ALIASES = {"Friendly Name": "PKCS#12 Friendly Name", "Link Attribute Structure": "Link"}
# Rows in which one version differs from the other; ours is one table, and says what 2.1 says.
DIFFERENT = {(V1_4, "Fresh"): {ROWS[0]}}
# Tables without the usual rows or title.
UNREAD = {"Cryptographic Domain Parameters", "NIST Key Type"}
_NAMES = {title(tag).lower().replace(".", ""): rule for tag, rule in ATTRIBUTES.items()}


def _text(version: Version) -> str:
    path = CORPUS / "spec" / SPECIFICATIONS[version]
    text = re.sub(r"<(script|style).*?</\1>", "", path.read_text(encoding="utf-8", errors="replace"), flags=re.S)
    text = re.sub(r"</(p|tr|h\d|td)>", "\n", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", text)))


def tables(version: Version) -> Iterator[tuple[str, dict[str, str]]]:
    """The name of an attribute and the cells of its rules."""
    cell = r" ((?:(?!SHALL always have|Table ?\d).)*?) "
    *required, implicit, applies = map(re.escape, ROWS)
    rows = cell.join(required) + cell + f"(?:{implicit}{cell})?(?:{applies}{cell})?"
    for found in re.finditer(rows + r"Table ?\d+: ([\w .#-]{3,60}?) (?:Attribute )?Rules", _text(version)):
        *cells, name = found.groups()
        yield name.strip(), dict(zip(ROWS, cells, strict=True))


def _says(rule: AttributeRule, cells: dict[str, str]) -> Iterator[str]:
    yes = {row: (cell or "").lower().lstrip(" |").startswith("yes") for row, cell in cells.items()}
    if rule.always_present != yes[ROWS[0]]:
        yield ROWS[0]
    who = cells[ROWS[1]].lower()
    parties = (Party.CLIENT if "client" in who else 0) | (Party.SERVER if "server" in who else 0)
    if rule.initially_set_by != parties:
        yield ROWS[1]
    for row, party in ((ROWS[2], Party.SERVER), (ROWS[3], Party.CLIENT)):
        if bool(rule.modifiable_by & party) != yes[row]:
            yield row
    if rule.deletable_by_client != yes[ROWS[4]]:
        yield ROWS[4]
    if rule.multiple != yes[ROWS[5]]:
        yield ROWS[5]


@pytest.mark.parametrize("version", SPECIFICATIONS, ids=lambda v: f"{v.major}.{v.minor}")
def test_the_table_is_the_standards(version: Version) -> None:
    checked: set[str] = set()
    for name, cells in tables(version):
        rule = _NAMES.get(ALIASES.get(name, name).lower().replace(".", ""))
        if rule is not None:
            assert set(_says(rule, cells)) == DIFFERENT.get((version, name), set()), name
            checked.add(rule.name)
    known = {rule.name for rule in ATTRIBUTES.values() if rule.in_version(version)}
    assert {n for n in known - checked if not n.startswith(("Certificate Subject ", "Certificate Issuer "))} <= UNREAD
