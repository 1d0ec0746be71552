"""PyKMIP's own integration suite, unmodified, against our server: a client and expectations we did not write.

The suite is in PyKMIP's source distribution, not in its wheel, so it is fetched from the package index (and kept in
pytest's cache). The library under test is the one that is installed. Every version has a client of its own on one
server, because the Locate tests expect to see nothing but their own objects; the six run side by side, since they
mostly sleep. One of its tests gives two keys the same Name, so the server runs with `unique_names = false`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.server import Identity, Server

SDIST = "pykmip-0.11.0.tar.gz"
SDIST_SHA256 = "eb42e2d9674e470935d98474b8502e675894cc8489362d8419fdd957319f2b3e"
# What the tests of the suite import and PyKMIP itself does not bring.
NEEDED = ("testtools==2.9.1", "fixtures==4.3.2", "mock==5.2.0")
PIP_SECONDS = 180.0
SUITE_SECONDS = 240.0

IN_ALL = 37
# What cannot pass, because the version does not have what the test asks for.
_PROXY = "TestProxyKmipClientIntegration"
_RAW = "TestIntegration"
_NO_CRYPTOGRAPHY = {
    f"{_PROXY}.test_encrypt_decrypt": "Encrypt and Decrypt came with 1.2",
    f"{_PROXY}.test_create_key_pair_sign_signature_verify": "Sign and Signature Verify came with 1.2",
}
_NO_ENCODING_OPTION = {
    f"{_PROXY}.test_register_wrapped_get_destroy": "Encoding Option came with 1.1: no answer to 1.0 may say it",
}
# The suite says in 1.x words what the client cannot write at 2.0: these requests are never sent.
_NOT_OF_2_0 = {
    f"{_RAW}.test_modify_delete_attribute": "2.0 has no Attribute Index, and the test reads one",
    f"{_PROXY}.test_modify_delete_attribute": "2.0 wants a New Attribute, and the test gives an Attribute",
    f"{_RAW}.test_symmetric_key_create_getattributes_locate_destroy": "2.0 has no Operation Policy Name",
    f"{_PROXY}.test_create_getattributes_locate_destroy": "2.0 has no Operation Policy Name",
}
IMPOSSIBLE: dict[str, dict[str, str]] = {
    "1.0": _NO_CRYPTOGRAPHY | _NO_ENCODING_OPTION,
    "1.1": _NO_CRYPTOGRAPHY,
    "1.2": {},
    "1.3": {},
    "1.4": {},
    "2.0": _NOT_OF_2_0,
}

PLUGIN = """
import os
from kmip.core import enums
from kmip.services import kmip_client

_init = kmip_client.KMIPProxy.__init__

def _with_version(self, *args, **kwargs):
    _init(self, *args, **kwargs)
    self.kmip_version = enums.KMIPVersion["KMIP_" + os.environ["SUITE_VERSION"].replace(".", "_")]

kmip_client.KMIPProxy.__init__ = _with_version
"""
CONFIGURATION = """[client]
host={host}
port={port}
keyfile={key}
certfile={certificate}
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_SSLv23
ca_certs={ca}
do_handshake_on_connect=True
suppress_ragged_eofs=True
username=None
password=None
"""

pytestmark = pytest.mark.timeout(2 * PIP_SECONDS + SUITE_SECONDS)


@dataclass(frozen=True)
class Suite:
    """The unpacked suite, and where its extra packages are."""

    tests: Path
    packages: Path


@dataclass(frozen=True)
class Outcome:
    passed: frozenset[str]
    failed: dict[str, str]  # why, in the suite's words
    said: str

    @property
    def total(self) -> int:
        return len(self.passed) + len(self.failed)


def _pip(*arguments: object) -> str | None:
    """What pip complained about; None when it did as it was told."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False)
    return done.stderr.strip() if done.returncode else None


def _sdist(cache: Path) -> Path:
    path = cache / SDIST
    if not path.exists():
        arguments = ("download", "--no-deps", "--no-binary", ":all:", "-d", cache, "pykmip==0.11.0")
        problem = _pip(*arguments)
        if problem is not None:
            problem = _pip(*arguments, "--no-build-isolation")
        if problem is not None or not path.exists():
            pytest.skip(f"PyKMIP's source distribution cannot be had from the package index: {problem}")
    assert sha256(path.read_bytes()).hexdigest() == SDIST_SHA256, f"{path} is not the released {SDIST}"
    return path


@pytest.fixture(scope="session")
def suite(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("pykmip-suite")
    unpacked = tmp_path_factory.mktemp("pykmip-suite")
    with tarfile.open(_sdist(cache)) as archive:
        # The hash of the archive is pinned; the filter came with 3.11.4.
        archive.extractall(unpacked, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    packages = cache / "packages"
    if not (packages / "testtools").is_dir():
        problem = _pip("install", "--target", packages, *NEEDED)
        if problem is not None:
            shutil.rmtree(packages, ignore_errors=True)
            pytest.skip(f"{', '.join(NEEDED)} cannot be had from the package index: {problem}")
    # Beside, not inside, a folder called kmip: the installed library is under test.
    tests = unpacked / "suite"
    shutil.copytree(unpacked / "pykmip-0.11.0" / "kmip" / "tests", tests / "tests")
    (tests / "pytest.ini").write_text("[pytest]\nmarkers = ignore: legacy tests\n")
    (tests / "suite_version.py").write_text(PLUGIN)
    return Suite(tests, packages)


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    report: Path
    output: Path

    def outcome(self) -> Outcome:
        self.process.wait(SUITE_SECONDS)
        said = self.output.read_text()
        assert self.report.exists(), f"the suite did not run: {said}"
        passed, failed = set(), {}
        for case in ElementTree.parse(self.report).getroot().iter("testcase"):
            name = f"{case.attrib['classname'].rpartition('.')[2]}.{case.attrib['name']}"
            problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
            if problem is None:
                passed.add(name)
            else:
                failed[name] = f"{problem.attrib.get('message', problem.tag)} {problem.text}"
        return Outcome(frozenset(passed), failed, said)


def _launch(suite: Suite, server: Server, who: Identity, version: str, home: Path) -> Running:
    configuration = home / ".pykmip" / "pykmip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        CONFIGURATION.format(host=server.host, port=server.port, key=who.key, certificate=who.certificate, ca=who.ca)
    )
    report, output = home / "report.xml", home / "output.txt"
    command = [sys.executable, "-m", "pytest", "-p", "suite_version", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command += ["-q", "-m", "not ignore", "--config", "client", f"--junitxml={report}", "tests/integration/services"]
    path = os.pathsep.join(map(str, (suite.tests, suite.packages)))
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": path, "SUITE_VERSION": version}
    environment.pop("PYTEST_ADDOPTS", None)
    with output.open("wb") as out:
        process = subprocess.Popen(command, cwd=suite.tests, env=environment, stdout=out, stderr=subprocess.STDOUT)
    return Running(process, report, output)


@pytest.fixture(scope="session")
def outcomes(suite: Suite, softhsm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    server = Server.make(tmp_path_factory.mktemp("pykmip") / "server").configure("keys", unique_names=False)
    running: dict[str, Running] = {}
    try:
        server.start()
        for version in IMPOSSIBLE:
            home = tmp_path_factory.mktemp(f"home-{version}")
            running[version] = _launch(suite, server, server.enrol(), version, home)
        yield {version: one.outcome() for version, one in running.items()}
    finally:
        for one in running.values():
            one.process.kill()
            one.process.wait()
        server.kill()


def test_the_suite_passes_at_every_version(outcomes: dict[str, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    """One test, so that parallel runners start the suite once."""
    with capsys.disabled():
        counts = ", ".join(f"{version}: {len(o.passed)} of {o.total}" for version, o in outcomes.items())
        print(f" [PyKMIP's suite at {counts}]", end="")
    assert {version: o.total for version, o in outcomes.items()} == dict.fromkeys(IMPOSSIBLE, IN_ALL)
    failed = {version: o.failed for version, o in outcomes.items()}
    assert {v: set(f) for v, f in failed.items()} == {v: set(i) for v, i in IMPOSSIBLE.items()}, failed
