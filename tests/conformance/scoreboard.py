"""The scoreboard of docs/conformance.md: which of the OASIS cases pass, by version and by profile.

It is made from the corpus and the list of cases that do not pass, which `test_cases` holds to be exact by running every
case. `python -m tests.conformance.scoreboard` writes the page; a test says when it is out of date.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tests.conformance import drafts
from tests.conformance.cases import WAYS, Case, cases
from tests.conformance.failing import FAILING, REASONS
from tests.protocol.corpus import VERSIONS

PAGE = Path(__file__).parent.parent.parent / "docs" / "conformance.md"
# The cases of a profile begin with its letters; the longer beginning decides.
PROFILES = {
    "AKLC-": "Asymmetric Key Lifecycle",
    "AX-M-": "AES XTS",
    "BL-M-": "Baseline",
    "CS-AC-M-": "Advanced Cryptographic",
    "CS-AC-M-OAEP-": "Advanced Cryptographic, OAEP",
    "CS-BC-M-": "Basic Cryptographic",
    "CS-RNG-": "RNG Cryptographic",
    "MSGENC-HTTPS-": "HTTPS",
    "MSGENC-JSON-": "JSON",
    "MSGENC-XML-": "XML",
    "OMOS-": "Opaque Managed Object Store",
    "PKCS11-": "PKCS#11",
    "QS-M-": "Quantum Safe",
    "SASED-": "Storage Array with Self-Encrypting Drives",
    "SKFF-": "Symmetric Key Foundry",
    "SKLC-": "Symmetric Key Lifecycle",
    "SUITEB_128-": "Suite B, 128 bits",
    "SUITEB_192-": "Suite B, 192 bits",
    "TL-M-": "Tape Library",
    "TC-": "KMIP Test Cases (documents beside the profiles)",
}
INTRODUCTION = f"""# Conformance

kmipd is held against the OASIS test cases of KMIP 1.0 to 2.1: every request of a case is sent to a running server
over mutual TLS, and every answer compared by the "Permitted Test Case Variations" of the profiles. Result Status,
Result Reason, the structure of objects, registered bytes and fixed results must be those of the case. Each case has a
client of its own, except where cases build on each other. The same conversations are held in {len(WAYS)} ways:
{", ".join(WAYS)}.

This page is made by `python -m tests.conformance.scoreboard`. `tests/conformance` runs the cases and is strict in both
directions: a case that fails and is not listed here, or is listed and passes, fails the test.
"""
NOTES = """
## How the cases are read

- Cases that exclude each other, or that describe what kmipd does only when it is told to, run against a server so
  configured: what RNG Seed does, RSA keys of 1024 bits, how a wrapped Key Value looks, credentials that stand for a
  principal, object groups the server fills, the token's validations, agreed vendor tags. Test servers answer Interop.
  `tests/conformance/cases.py` names each with its setting.
- Where a case tells what another server is or can (TC-Q-CAP, TC-Q-PROF, TC-Q-RNGS, TC-Q-S2C), the answer must tell as
  much of this one, with its own values.
- In TC-92 a key's dates pass between two steps: it lives for three seconds in place of 120, and the runner waits.
- In TC-NP the server speaks first: the runner listens as a client that asked for it by Set Endpoint Role.
"""


def family(case: Case) -> str:
    return max((beginning for beginning in PROFILES if case.name.startswith(beginning)), key=len, default="")


def _row(label: str, listed: dict[str, list[Case]]) -> str:
    cells = []
    for version in VERSIONS:
        found = listed.get(version, [])
        passing = [case for case in found if case.name not in REASONS]
        cells.append(f"{len(passing)} / {len(found)}" if found else "")
    return f"| {label} | {' | '.join(cells)} |"


def page() -> str:
    by_family: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    whole: dict[str, list[Case]] = {}
    for version in VERSIONS:
        whole[version] = cases(version)
        for case in whole[version]:
            by_family[family(case)][version].append(case)
    lines = [INTRODUCTION, f"| passing / cases | {' | '.join(VERSIONS)} |", f"| --- {'| --- ' * len(VERSIONS)}|"]
    lines.append(_row("**all**", whole))
    titles = {beginning: PROFILES.get(beginning, "others") for beginning in by_family}
    lines += [_row(titles[f], by_family[f]) for f in sorted(by_family, key=lambda f: (f in ("TC-", ""), titles[f]))]
    total = sum(map(len, whole.values()))
    lines += ["", f"{total - len(REASONS)} of {total} cases pass. These do not:", ""]
    for reason, names in sorted(FAILING.items()):
        text = re.sub(r"^([A-Z ]+): ", lambda m: f"{m[1].capitalize()}: ", reason)
        lines.append(f"- {', '.join(names.split())}. {text}.")
    of_3_0 = len(drafts.drafts())
    number = f"Of {of_3_0} drafts of KMIP 3.0, {drafts.PASSING} pass when they are read as 2.1; 3.0 is not claimed."
    return "\n".join([*lines, "", number, NOTES])


if __name__ == "__main__":
    PAGE.write_text(page())
