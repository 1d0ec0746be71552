"""docs/kmip.md: what is spoken in which version, from the declarations and the table of what is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kmipd.core.claims import CAPABILITIES, CLAIMED, REGISTRATION_METHODS
from kmipd.core.operations import query
from kmipd.core.operations.query import OBJECTS
from kmipd.protocol import Encoding
from kmipd.spec.attributes import ATTRIBUTES, AttributeRule, Party
from kmipd.spec.names import ACRONYMS, title
from kmipd.spec.operations import OPERATIONS
from kmipd.spec.tags import Tag
from kmipd.spec.versions import VERSIONS, Version

YES, NO, ABSENT = "●", "○", ""
_HEAD = """\
# What is spoken

Written by `make docs` from the declarations in `kmipd/spec` and the tables of what is served; a test keeps it current.
● served, ○ in the version but not served, empty: the version does not have it. Notify and Put are what the server sends
to a client that asked for it; `docs/service.md` has what kmipd does where the standard leaves room.

## Versions, encodings, transports

KMIP {versions}. A message is answered in its own version, in words of that version only.

| encoding | by TLS socket | by HTTPS, POST `/kmip` |
| --- | --- | --- |
{encodings}

Both are on the same port (TLS 1.2 and 1.3, client certificate demanded), HTTP is 1.0 and 1.1. Sizes are counted as
TTLV in every encoding. JSON and XML take every form that the additional message encodings 1.0 have for names, numbers,
masks, dates and vendors' tags (`0x54….`, `<TTLV tag="0x54….">`); XML with a document type declaration is refused.
"""


def page() -> str:
    encodings = "\n".join(f"| {e.name} | {'yes' if e is Encoding.TTLV else 'no'} | `{e.value}` |" for e in Encoding)
    versions = ", ".join(map(str, VERSIONS[:-1])) + f" and {VERSIONS[-1]}"
    parts = [
        _HEAD.format(versions=versions, encodings=encodings),
        _section("Operations", _operations()),
        _section("Objects", _objects()),
        _section("Attributes", _attributes(), _ABOUT_ATTRIBUTES),
        _section("Profiles", _profiles(), _ABOUT_PROFILES),
        _section("Capabilities", _capabilities()),
    ]
    return "\n".join(parts)


_ABOUT_ATTRIBUTES = """\
Who may set an attribute at first, who may change it later, whether a client may delete it, and whether an object may
have several. Custom attributes (`x-…` in 1.x, of a vendor in 2.x) are any client's to set, change and delete.
"""
_ABOUT_PROFILES = """\
Claimed in Query; every mandatory test case of a claimed profile passes (a test checks it).
"""


def _section(heading: str, table: Iterable[Sequence[str]], about: str = "") -> str:
    rows = list(table)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join([f"## {heading}", "", *([about] if about else []), *lines, ""])


def _versions() -> list[str]:
    return list(map(str, VERSIONS))


def _operations() -> Iterator[Sequence[str]]:
    yield ["operation", *_versions()]
    for operation, spec in OPERATIONS.items():
        served = YES if operation in query.SERVED else NO
        yield [_words(operation.name), *(served if spec.since <= v else ABSENT for v in VERSIONS)]


def _objects() -> Iterator[Sequence[str]]:
    yield ["object", *_versions()]
    for object_type, (since, until) in OBJECTS.items():
        yield [_words(object_type.name), *(YES if _in(v, since, until) else ABSENT for v in VERSIONS)]


def _attributes() -> Iterator[Sequence[str]]:
    yield ["attribute", *_versions(), "set by", "changed by", "deleted by", "several"]
    for tag, rule in ATTRIBUTES.items():
        yield [title(tag), *(YES if rule.in_version(v) else ABSENT for v in VERSIONS), *_rules(rule)]


def _rules(rule: AttributeRule) -> list[str]:
    deleted = "client" if rule.deletable_by_client else "nobody"
    return [_PARTIES[rule.initially_set_by], _PARTIES[rule.modifiable_by], deleted, "yes" if rule.multiple else "no"]


_PARTIES = {Party.NOBODY: "nobody", Party.CLIENT: "client", Party.SERVER: "server", Party.EITHER: "either"}


def _profiles() -> Iterator[Sequence[str]]:
    yield ["profile", *_versions()]
    for family, (first, last, _) in CLAIMED.items():
        yield [_words(family), *(YES if first <= v <= last else ABSENT for v in VERSIONS)]


def _capabilities() -> Iterator[Sequence[str]]:
    yield ["capability", "is"]
    for name in CAPABILITIES.__slots__:
        value = getattr(CAPABILITIES, name)
        if value is not None:
            said = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else _words(value.name)
            yield [title(Tag[name.upper()]), str(said)]
    yield ["Client Registration Methods", ", ".join(_words(method.name) for method in REGISTRATION_METHODS)]


def _words(name: str) -> str:
    tag = Tag.__members__.get(name)
    if tag is not None:
        return title(tag)
    text = " ".join(word if word in ACRONYMS else word.capitalize() for word in name.split("_"))
    return text.replace("Re ", "Re-").replace("PKCS 11", "PKCS#11").replace("TLS V1 2", "TLS 1.2")


def _in(version: Version, since: Version, until: Version | None) -> bool:
    return since <= version and (until is None or version <= until)
