"""Volumes are really encrypted, and really readable."""

from __future__ import annotations

import os
import stat

import pytest

from kmipd.cluster.crypto import BLOCK
from kmipd.cluster.errors import ElementError
from tests.cluster.conftest import Lab


def test_round_trips_at_odd_offsets(lab: Lab) -> None:
    volumes = lab.cluster.volumes
    volume = volumes.create("v", 3 * BLOCK + 1)
    assert volume.blocks == 4
    assert volumes.read(volume.id, 0, 4 * BLOCK) == bytes(4 * BLOCK)
    mirror = bytearray(4 * BLOCK)
    for offset, size in ((0, 1), (BLOCK - 1, 2), (100, 2 * BLOCK), (3 * BLOCK, BLOCK), (5, 0)):
        data = os.urandom(size)
        volumes.write(volume.id, offset, data)
        mirror[offset : offset + size] = data
        assert volumes.read(volume.id, 0, 4 * BLOCK) == mirror
    lab.restart()
    assert lab.cluster.volumes.read(volume.id, 7, 9000) == mirror[7:9007]


def test_nothing_is_stored_in_clear(lab: Lab) -> None:
    volumes = lab.cluster.volumes
    text = b"the same sixteen" * 1024
    first, second = volumes.create("a", len(text)), volumes.create("b", len(text))
    for volume in (first, second):
        volumes.write(volume.id, 0, text)
    lab.close()
    files = [path for path in lab.directory.rglob("*") if path.is_file()]
    blocks = [path.read_bytes() for path in files if path.suffix == ".blocks"]
    assert all(text[:16] not in path.read_bytes() for path in files)
    assert len(blocks) == 2
    assert blocks[0] != blocks[1]
    pieces = {data[i : i + 16] for data in blocks for i in range(0, len(data), 16)}
    assert len(pieces) == 2 * len(text) // 16  # no block looks like another, though all are alike in clear


def test_only_the_owner_can_read(lab: Lab) -> None:
    lab.cluster.volumes.create("a", 1)
    for path in [lab.directory, *lab.directory.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        allowed = 0o700 if path.is_dir() else 0o644 if path.name == "cert.pem" else 0o600
        assert mode == allowed, path


def test_bounds_and_deletion(lab: Lab) -> None:
    volumes = lab.cluster.volumes
    volume = volumes.create("a", BLOCK)
    for offset, length in ((0, BLOCK + 1), (BLOCK, 1), (-1, 1), (0, -1)):
        with pytest.raises(ElementError, match="outside"):
            volumes.read(volume.id, offset, length)
    with pytest.raises(ElementError, match="at most"):
        volumes.write(volume.id, 0, bytes((1 << 20) + 1))
    volumes.delete(volume.id)
    with pytest.raises(ElementError) as error:
        volumes.read(volume.id, 0, 1)
    assert error.value.name == "xVolumeIDDoesNotExist"
    assert list(lab.settings.volumes.iterdir()) == []
    assert volumes.create("b", 1).id > volume.id


def test_no_volumes_without_encryption(make_lab: object) -> None:
    lab: Lab = make_lab()  # type: ignore[operator]
    lab.create(encrypted=False)
    with pytest.raises(ElementError) as error:
        lab.cluster.volumes.create("a", 1)
    assert error.value.name == "xSoftwareEncryptionAtRestNotEnabled"
    assert "masterKeyInfo" not in lab.call("GetSoftwareEncryptionAtRestInfo")
