"""Every design rule that real clients force on a key server has a test that names it.

The rules are what some twenty clients were seen to do: radosgw, Rook, ceph-csi, NooBaa, vCenter, ONTAP, Synology,
TrueNAS, MongoDB, Percona, Scylla, openCryptoki and others. A rule's tests are called `test_rule_<number>_…`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

RULES = {
    1: "never refuse a TCP connection",
    2: "do not drop idle connections; let clients go idle before stopping",
    3: "a client may connect and leave without a word",
    4: "Discover Versions: best first, only what was listed",
    5: "Discover Versions is answered under a KMIP 1.0 header",
    6: "answer in the vocabulary of the request's version",
    7: "read newer fields; the version is of the message",
    8: "the age of the Time Stamp does not matter",
    9: "Unique Batch Item IDs are echoed; batches without them are fine",
    10: "the ID Placeholder; an unreadable item is one item",
    11: "Batch Order and Batch Error Continuation are honoured",
    12: "Maximum Response Size",
    13: "Client Correlation Value",
    14: "Booleans in the wrong byte order",
    15: "unknown operations and attributes fail alone",
    16: "the Attribute Index may be there or not",
    17: "the filters real clients send",
    18: "no filter is ever ignored",
    19: "a Name stands for one object of a client",
    20: "not found is success without an identifier",
    21: "paging is stable",
    22: "what was registered comes back as it was",
    23: "odd usage masks",
    24: "Secret Data of any content",
    25: "Key Compression Type on a symmetric key",
    26: "empty Object Group; Operation Policy Name is kept",
    27: "custom attributes, many and in batches",
    28: "Modify Attribute repeats it; Re-key moves the Name",
    29: "Key Value holds Key Material only",
    30: "Get before Activate, Destroy without Revoke, not of an active object",
    31: "CBC and GCM as clients use them",
    32: "public keys as SubjectPublicKeyInfo, EC private keys",
    33: "credentials do not lock out who has a certificate",
    34: "one certificate for many nodes",
}
#: Rules that wait for something that is not built. Empty, and to stay so.
LATER: dict[int, str] = {}


def rules_with_tests() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_client_rules_*.py")):
        for name, number in re.findall(r"^def (test_rule_(\d\d)_\w+)", path.read_text(), re.MULTILINE):
            found.setdefault(int(number), []).append(name)
    return found


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_that_names_it(rule: int) -> None:
    assert (rule in rules_with_tests()) != (rule in LATER), RULES[rule]


def test_no_test_names_a_rule_that_is_not_there() -> None:
    assert set(rules_with_tests()) <= set(RULES)
