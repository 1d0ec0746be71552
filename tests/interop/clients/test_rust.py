"""The Rust crate with which Krill (NLnet Labs' RPKI authority) speaks KMIP."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.interop.clients.environment import PROGRAM_SECONDS, Environment, add, objects, settings
from tests.support.server import Server

CRATE = Path(__file__).parent / "rust"
BUILD_SECONDS = 280.0  # on two cores it takes twenty


@pytest.fixture(scope="module")
def program(clients: Environment) -> Path:
    """Built with the versions of Cargo.lock, where there is what it takes."""
    for tool in ("cargo", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"the Rust client is built with {tool}, which is not installed")
    if subprocess.run(["pkg-config", "--exists", "openssl"], check=False).returncode:
        pytest.skip("the Rust client is built with the headers of OpenSSL (libssl-dev), which are not installed")
    target = clients.directory / "rust"
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}

    def cargo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["cargo", *arguments, "--locked", "--manifest-path", str(CRATE / "Cargo.toml")]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )

    fetched = cargo("fetch")
    if fetched.returncode:
        pytest.skip(f"the Rust client cannot be had here: {fetched.stderr.strip().splitlines()[-1]}")
    built = cargo("build", "--quiet")
    assert built.returncode == 0, built.stderr
    return target / "debug" / "kmipd-interop"


@pytest.mark.timeout(2 * BUILD_SECONDS)
def test_keys_are_made_used_renamed_and_destroyed(program: Path, server: Server) -> None:
    who = add(server, "rust")
    ask = settings(server, who)
    command = [program, *(str(ask[name]) for name in ("host", "port", "cert", "key", "ca"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())

    assert said["vendor"] == "kmipd"
    assert said["format"] == "PKCS1"
    public = serialization.load_der_public_key(bytes.fromhex(said["material"]))
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(bytes.fromhex(said["signature"]), b"to be signed", padding.PKCS1v15(), hashes.SHA256())
    assert len(bytes.fromhex(said["random"])) == 32
    assert said["active"].endswith(f"{said['spare']} is active: revoke it first")
    assert said["missing"] == """ItemNotFound("Operation Get failed: there is no object 'no such key'")"""

    held = objects(server, who.group)
    assert held[said["private"]].items() >= {"names": ["rust renamed"], "state": "ACTIVE", "length": 2048}.items()
    assert held[said["public"]]["names"] == ["rust public"]
    assert held[said["spare"]]["state"] == "DESTROYED"
