"""The whole story by the command line: from nothing to an external master key, a restart, and the data read back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kmipd.cli.cluster import cluster
from kmipd.cluster.errors import NAMES
from tests.cluster.conftest import PASSWORD, KeyServer

DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"


class Daemon:
    """`kmipd cluster serve`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[str] | None = None
        self.target = ""

    def start(self) -> None:
        command = [sys.executable, "-m", "kmipd", "cluster", "serve", "--dir", str(self.directory)]
        command += ["--listen", "127.0.0.1:0", "--log-level", "error"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"https://127\.0\.0\.1:\d+", line)
        assert found, line
        self.target = found[0]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(30) == 0
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path / "cdir")
    found.start()
    yield found
    found.stop()


def run(daemon: Daemon, *arguments: str, code: int = 0, given: bytes | None = None, **environment: str) -> str:
    values = {"KMIPD_CLUSTER_TARGET": daemon.target, "KMIPD_CLUSTER_PASSWORD": PASSWORD}
    values["KMIPD_CLUSTER_CA"] = str(daemon.directory / "tls/cert.pem")
    done = CliRunner().invoke(cluster, arguments, input=given, env=values | environment)
    assert done.exit_code == code, (done.output, done.exception)
    return done.stdout if code == 0 else done.stderr


def test_the_story(daemon: Daemon, key_server: KeyServer, tmp_path: Path) -> None:
    def ask(*arguments: str) -> Any:
        return json.loads(run(daemon, *arguments, "--json"))

    run(daemon, "create")
    run(daemon, "create-key-pair", "--common-name", "cluster1", "--organizational-unit", "storage")
    csr = tmp_path / "cluster1.csr"
    run(daemon, "csr", "--out", str(csr))
    ca, certificate = key_server.sign(csr.read_text())
    (tmp_path / "ca.pem").write_text(ca)
    (tmp_path / "cert.pem").write_text(certificate)
    assert ask("create-key-provider", "--name", "kmipd")["keyProviderID"] == 1
    trust = ["--ca-cert", str(tmp_path / "ca.pem"), "--client-cert", str(tmp_path / "cert.pem"), "--provider", "1"]
    run(daemon, "add-key-server", "--name", "eks", "--host", "127.0.0.1", "--port", str(key_server.port), *trust)
    run(daemon, "test-key-server", "1")
    run(daemon, "test-key-provider", "1")
    assert ask("volume", "create", "data", "--size", "700000")["volumeID"] == 1
    data = os.urandom(700_000)
    run(daemon, "volume", "write", "1", given=data)
    assert "Ready" in run(daemon, "rekey", "--to", "external", "--provider", "1", "--wait")
    assert ask("async-result", "1")["status"] == "complete"
    assert "xDBNoSuchPath" in run(daemon, "async-result", "1", code=1)
    assert ask("info")["softwareEncryptionAtRest"]["masterKeyInfo"]["keyManagementType"] == "external"
    assert "active" in run(daemon, "list-key-providers")
    daemon.stop()
    daemon.start()
    out = tmp_path / "out"
    run(daemon, "volume", "read", "1", "--length", "700000", "--out", str(out))
    assert out.read_bytes() == data
    assert "no faults" in run(daemon, "faults")
    assert "xKeyProviderIsActive" in run(daemon, "delete-key-provider", "1", code=1)


def test_failures_are_one_sentence(daemon: Daemon, tmp_path: Path) -> None:
    assert "call CreateCluster" in run(daemon, "list-key-servers", code=1)
    run(daemon, "create")
    wrong = tmp_path / "password"
    wrong.write_text("wrong\n")
    assert "user and password" in run(daemon, "info", "--password-file", str(wrong), code=8)
    assert "give the right one with --ca" in run(daemon, "info", code=8, KMIPD_CLUSTER_CA="")
    assert run(daemon, "info", "--insecure", KMIPD_CLUSTER_CA="")
    assert "cannot be reached" in run(daemon, "info", "--target", "https://127.0.0.1:1", code=8)
    assert "in use by another process" in run(daemon, "serve", "--dir", str(daemon.directory), code=1)


def test_the_documentation_lists_every_error() -> None:
    rows = dict(re.findall(r"^\| `(x\w+)` \| (attested|ours) \|", DOCS.read_text(), re.MULTILINE))
    assert rows == {name: origin for name, (origin, _) in NAMES.items()}
