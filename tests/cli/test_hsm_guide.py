"""docs/hsm.md and the README show commands on key stores: each is run, in their order, as it is written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from kmipd.core.failures import FailureReason
from tests.support.asking import create
from tests.support.client import Client
from tests.support.commands import invoke
from tests.support.server import Server
from tests.support.tokens import SpareToken

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "docs/hsm.md"
FIRST = "--module /opt/vendor/lib/p11.so --token-label KMIP --pin-file /etc/kmipd/hsm2.pin"
SECOND = "--module /opt/vendor/lib/p11-b.so --token-label KMIP2 --pin-file /etc/kmipd/b.pin"


def commands(text: str) -> list[str]:
    """The `kmipd store` commands that stand in blocks of their own, without what is said beside them."""
    found = re.findall(r"^    kmipd (store [^\n]*)$", text, re.MULTILINE)
    return [line.split("  #")[0].strip() for line in found]


def options(token: SpareToken) -> str:
    return shlex.join(map(str, token.options()))


def test_the_guide(own_server: Server, tmp_path: Path) -> None:
    first, second = (SpareToken.make(tmp_path / name, name) for name in ("first", "second"))
    own_server.configure("groups.array1", store="hsm2").start(workers=1)
    identity = own_server.enrol("array1")
    said, uid = "", ""
    lines = commands(GUIDE.read_text())
    assert len(lines) >= 15
    for line in lines:
        line = line.replace(FIRST, options(first)).replace(SECOND, options(second)).replace("UID", uid)
        if "0c4be00f" in line:
            line = line.replace("0c4be00f-b41586d0-…", said.split()[-1])
        said = invoke(*shlex.split(line), "--dir", own_server.directory)
        if line == "store connect hsm2" and not uid:
            client = Client.connect(own_server, identity)
            uid = create(client)
            client.close()
    assert "accounted for" in said


def test_the_readme(own_server: Server, tmp_path: Path) -> None:
    token = SpareToken.make(tmp_path / "hsm2", "KMIP")
    lines = [line for line in commands((ROOT / "README.md").read_text()) if "hsm2" in line]
    assert len(lines) == 3
    for line in lines:
        line = line.replace("--module FILE --token-label KMIP --pin-file FILE", options(token))
        said = invoke(*shlex.split(line), "--dir", own_server.directory)
    assert "CONNECTED" in said


def test_every_reason_is_explained() -> None:
    text = GUIDE.read_text()
    assert [reason.name for reason in FailureReason if f"| `{reason.name}` | {reason.remedy} |" not in text] == []
