"""The commands as a person or a script meets them: output, exit codes, one sentence for what went wrong."""

from __future__ import annotations

import errno
import json
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kmipd import administration, config, inspection
from kmipd.spec.tags import Tag
from tests.support.asking import create, name
from tests.support.client import Client
from tests.support.server import Server, run

DEVICE_CSR = """-----BEGIN CERTIFICATE REQUEST-----
"""


def refused(*arguments: object, code: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kmipd", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_teaches() -> None:
    text = run("--help")
    assert "kmipd init --dir" in text
    assert "Exit codes" in text
    for command in ("init", "serve", "client", "status", "doctor", "key", "cluster", "renew", "bench", "demo"):
        assert command in text
        assert run(command, "--help").startswith("Usage: kmipd")


def test_init_makes_everything_and_touches_nothing_twice(softhsm: Path, tmp_path: Path) -> None:
    directory = tmp_path / "kmipd"
    run("init", "--dir", directory, "--host", "keys.example.com", "--port", 0, "--key-type", "ec")
    before = {p: p.stat().st_mtime_ns for p in directory.rglob("*")}
    for secret in ("pin", "so-pin", "tls/server.key", "authority/ca.key", "registry.db", "kmipd.toml", "audit.log"):
        assert stat.S_IMODE((directory / secret).stat().st_mode) == 0o600, secret
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert "not empty" in refused("init", "--dir", directory, code=1)
    assert before == {p: p.stat().st_mtime_ns for p in directory.rglob("*")}


def test_init_takes_back_what_it_made_when_it_fails(tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    pin.write_text("1234\n")
    pin.chmod(0o600)
    directory = tmp_path / "kmipd"
    text = refused("init", "--dir", directory, "--module", tmp_path / "no.so", "--pin-file", pin, code=4)
    assert "no.so" in text
    assert not directory.exists()
    assert "--pin-file" in refused("init", "--dir", directory, "--module", tmp_path / "no.so", code=1)


def test_what_is_missing_is_said_in_one_sentence(own_server: Server) -> None:
    directory = own_server.directory
    assert "kmipd init" in refused("serve", "--dir", directory / "nothing", code=3)
    pin = directory / "pin"
    text = pin.read_text()
    pin.unlink()
    assert "PIN file" in refused("serve", "--dir", directory, code=4)
    pin.write_text(text)
    pin.chmod(0o644)
    assert "chmod 600" in refused("serve", "--dir", directory, code=4)
    pin.chmod(0o600)
    tokens = directory / "softhsm2" / "tokens"
    tokens.rename(tokens.with_name("away"))
    tokens.mkdir()
    assert "kmipd" in refused("serve", "--dir", directory, code=4)
    tokens.rmdir()
    tokens.with_name("away").rename(tokens)
    registry = directory / "registry.db"
    registry.rename(directory / "elsewhere.db")
    assert "registry" in refused("serve", "--dir", directory, code=5)
    (directory / "elsewhere.db").rename(registry)
    key = directory / "tls" / "server.key"
    key.rename(directory / "tls" / "lost.key")
    assert "server.key is missing" in refused("serve", "--dir", directory, code=6)


def test_a_wrong_setting_is_named(own_server: Server) -> None:
    path = own_server.directory / "kmipd.toml"
    good = path.read_text()
    for old, new, expected in (
        ("port = 0", "ports = 1", "ports"),
        ('placement = "resident"', 'placement = "cloud"', "placement"),
        ("[server]", '[[identity]]\nprincipal = "all"\n\n[server]', "no condition"),
        ("[server]", '[[identity]]\nprincipal = "a"\nsan_dns = "a"\nrole = "admin"\n\n[server]', "auditor"),
        ("[server]", '[[identity]]\nprincipal = "a"\nsubject = "a"\n\n[server]', "must be a table"),
        ("[server]", "[server", "TOML"),
        ("[server]", "[servers]", "servers"),
    ):
        path.write_text(good.replace(old, new, 1))
        assert expected in refused("status", "--dir", own_server.directory, code=3)
    path.write_text(good)


def test_a_port_in_use(own_server: Server) -> None:
    with socket.create_server(("0.0.0.0", 0)) as sock:
        own_server.configure("server", log_level="warning")
        path = own_server.directory / "kmipd.toml"
        path.write_text(path.read_text().replace("port = 0", f"port = {sock.getsockname()[1]}"))
        assert "cannot listen" in refused("serve", "--dir", own_server.directory, code=7)


def test_status_keys_and_history(server: Server) -> None:
    identity = server.enrol()
    with Client.connect(server, identity) as client:
        uid = create(client, (Tag.NAME, name("volume-1")))
    rows = json.loads(run("key", "list", "--dir", server.directory, "--group", identity.group, "--json"))
    assert [(r["uid"], r["names"], r["placement"]) for r in rows] == [(uid, ["volume-1"], "resident")]
    shown = json.loads(run("key", "show", uid, "--dir", server.directory, "--json"))
    assert shown["attributes"]["Cryptographic Length"] == [256]
    assert [e["operation"] for e in shown["history"]] == ["CREATE"]
    assert "volume-1" in run("key", "list", "--dir", server.directory)
    table = run("key", "show", uid, "--dir", server.directory)
    assert uid in table
    made = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(shown["attributes"]["Initial Date"][0]))
    assert f"Initial Date              {made}" in table
    assert "rng_algorithm UNSPECIFIED" in table, "structures in words"
    assert "no object" in refused("key", "show", "nothing", "--dir", server.directory, code=1)
    assert "every token object" in run("store", "orphans", "--dir", server.directory)


def test_doctor_finds_what_is_wrong(own_server: Server) -> None:
    checks = json.loads(run("doctor", "--dir", own_server.directory, "--json"))
    assert [c["name"] for c in checks if not c["ok"]] == []
    registry = own_server.directory / "registry.db"
    registry.rename(registry.with_name("away"))
    assert "no registry" in refused("status", "--dir", own_server.directory, code=5)
    found = json.loads(_output("doctor", "--dir", own_server.directory, "--json"))
    assert {"registry", "clients"} <= {c["name"] for c in found if not c["ok"]}
    assert not registry.exists(), "nothing makes an empty one in its place"
    registry.with_name("away").rename(registry)
    (own_server.directory / "pin").chmod(0o640)
    assert "found something" in refused("doctor", "--dir", own_server.directory, code=1)
    found = json.loads(_output("doctor", "--dir", own_server.directory, "--json"))
    assert [c["remedy"] for c in found if c["name"] == "files"] == [f"chmod 600 {own_server.directory / 'pin'}"]


def test_what_the_system_refuses_is_no_reason_to_restore_a_backup(own_server: Server) -> None:
    """A full disk looks like that: SQLite cannot make what it needs beside the registry."""
    registry = own_server.directory / "registry.db"
    registry.rename(registry.with_name("away"))
    registry.mkdir(mode=0o700)
    said = refused("store", "list", "--dir", own_server.directory, code=5)
    assert "see that its disk has room" in said
    assert "backup" not in said
    found = json.loads(_output("doctor", "--dir", own_server.directory, "--json"))
    assert {"registry", "token"} <= {c["name"] for c in found if not c["ok"]}, "all checks are made"
    registry.rmdir()
    registry.write_text("no database, and long enough to be seen as one" * 100)
    assert "restore it from a backup" in refused("store", "list", "--dir", own_server.directory, code=5)


def test_doctor_makes_all_checks_when_nothing_can_be_written(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "registry.db.lock")

    monkeypatch.setattr("kmipd.app.compose", refuse)
    found = {check.name: check for check in inspection.doctor(config.load(own_server.directory))}
    assert "Read-only" in found["token"].detail
    assert found["tls"].ok


def _output(*arguments: object) -> str:
    command = [sys.executable, "-m", "kmipd", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def test_clients(own_server: Server, tmp_path: Path) -> None:
    directory = own_server.directory
    run("client", "add", "array1", "--dir", directory, "--out", tmp_path / "array1", "--key-type", "ec")
    assert {p.name for p in (tmp_path / "array1").iterdir()} == {"ca.pem", "cert.pem", "key.pem"}
    assert stat.S_IMODE((tmp_path / "array1" / "key.pem").stat().st_mode) == 0o600
    assert "already" in refused("client", "add", "array1", "--dir", directory, "--out", tmp_path / "b", code=1)
    assert "exists" in refused("client", "add", "x", "--dir", directory, "--out", tmp_path / "array1", code=1)
    run("client", "revoke", "array1", "--dir", directory)
    listed = json.loads(run("client", "list", "--dir", directory, "--json"))
    assert [(c["name"], c["revoked"]) for c in listed] == [("array1", True)]
    assert "no client" in refused("client", "revoke", "nobody", "--dir", directory, code=1)


def test_nobody_is_enrolled_whose_files_cannot_be_written(own_server: Server, tmp_path: Path) -> None:
    directory = own_server.directory
    for out in (tmp_path / "a file" / "out", Path("/proc/nobody")):
        (tmp_path / "a file").touch()
        assert "refused" in refused("client", "add", "array1", "--dir", directory, "--out", out, code=1)
    assert json.loads(run("client", "list", "--dir", directory, "--json")) == []
    run("client", "add", "array1", "--dir", directory, "--out", tmp_path / "out", "--key-type", "ec")


def test_files_of_a_refused_enrolment_are_taken_back(own_server: Server, tmp_path: Path) -> None:
    """The registry refuses after the files are written."""
    clients = administration.Clients(config.load(own_server.directory, {}))
    out = tmp_path / "out"
    with closing(sqlite3.connect(own_server.directory / "registry.db")) as registry:
        registry.execute("BEGIN IMMEDIATE")
        registry.execute("CREATE TRIGGER full BEFORE INSERT ON certificate BEGIN SELECT RAISE(ABORT, 'full'); END")
        registry.commit()
    try:
        with pytest.raises(Exception, match="full"):
            clients.issue("array1", out, group="array1", role="client", key_type="ec")
    finally:
        clients.close()
    assert not out.exists()


def test_a_further_certificate_changes_neither_group_nor_role(own_server: Server, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    path = tmp_path / "device.csr"
    path.write_bytes(request.public_bytes(Encoding.PEM))

    def sign(*more: str) -> list[object]:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        return ["client", "sign", "device", "--csr", path, "--dir", own_server.directory, "--out", out, *more]

    run(*sign("--group", "storage"))
    for more in (("--role", "auditor"), ("--group", "other"), ("--group", "device")):
        text = refused(*sign(*more), code=1)
        assert "storage" in text
        assert "client" in text
    run(*sign())
    run(*sign("--group", "storage", "--role", "client"))
    (listed,) = json.loads(run("client", "list", "--dir", own_server.directory, "--json"))
    assert (listed["group"], listed["role"], len(listed["certificates"])) == ("storage", "client", 3)


@pytest.mark.parametrize(("name", "code"), [("a\nb", 1), (" a", 1), ("", 6), ("a" * 65, 6)])
def test_a_name_that_cannot_be_shown_is_refused(own_server: Server, tmp_path: Path, name: str, code: int) -> None:
    text = refused("client", "add", name, "--dir", own_server.directory, "--out", tmp_path / "out", code=code)
    assert "name" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "hello", DEVICE_CSR, "x" * 100_000])
def test_a_bad_csr_is_refused(own_server: Server, tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csr"
    path.write_text(content)
    out = tmp_path / "out"
    assert "bad.csr" in refused(
        "client", "sign", "x", "--csr", path, "--dir", own_server.directory, "--out", out, code=1
    )
    assert not out.exists()


def test_one_daemon_a_directory(own_server: Server) -> None:
    """A second one would recover, and so take away, what the first is making."""
    own_server.start()
    assert "another kmipd serves" in refused("serve", "--dir", own_server.directory, code=7)
    own_server.kill()
    own_server.start()
