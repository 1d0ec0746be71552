"""Volumes: files of encrypted blocks, each volume under a data key of its own."""

from __future__ import annotations

import os
import threading
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Final

from kmipd.cluster import crypto, files
from kmipd.cluster.clock import Clock, stamp
from kmipd.cluster.crypto import BLOCK
from kmipd.cluster.errors import ElementError, no_such
from kmipd.cluster.masterkeys import MasterKeys, current
from kmipd.cluster.secret import Secret
from kmipd.cluster.settings import Settings
from kmipd.cluster.store import MasterKey, Store, Unit, Volume

MAX_TRANSFER: Final = 1 << 20  # one call's data; the door's bound on bodies follows from it
MAX_VOLUME: Final = 1 << 40  # sparse files: what is not written takes no room


class Volumes:
    """Creates, reads, writes and deletes volumes. Data is encrypted here and nowhere else."""

    def __init__(self, store: Store, settings: Settings, keys: MasterKeys, clock: Clock) -> None:
        self._store, self._directory, self._keys, self._clock = store, settings.volumes, keys, clock
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        files.private_directory(settings.volumes)

    def create(self, name: str, size: int) -> Volume:
        """A new volume of `size` bytes, rounded up to whole blocks; unwritten blocks read as zeros."""
        if not 1 <= size <= MAX_VOLUME:
            raise ElementError("xExceededLimit", f"totalSize must be between 1 and {MAX_VOLUME} bytes.")
        data_key = crypto.random_key(crypto.DATA_KEY_BYTES)
        identity = str(uuid.uuid4())
        blocks = -(-size // BLOCK)
        path = self._path(identity)
        files.write(path, b"")
        os.truncate(path, blocks * BLOCK)
        try:
            with self._store.unit() as unit:
                master = _master(unit)
                wrapped = crypto.wrap(self._keys.in_use(master), data_key)
                created = stamp(self._clock())
                number = unit.volumes.add(name=name, uuid=identity, blocks=blocks, created=created)
                unit.data_keys.add(volume_id=number, master_key_id=master.id, wrapped=wrapped)
        except BaseException:
            path.unlink()
            raise
        return Volume(number, name, identity, blocks, created)

    def all(self) -> list[Volume]:
        with self._store.unit() as unit:
            return unit.volumes.all()

    def write(self, number: int, offset: int, data: bytes) -> None:
        """Write `data` at `offset`; durable when this returns."""
        volume, key = self._open(number, offset, len(data))
        if not data:
            return
        first, last = offset // BLOCK, (offset + len(data) - 1) // BLOCK
        with self._locks[number], self._path(volume.uuid).open("r+b") as file:
            plain = bytearray(_read_blocks(file.fileno(), key, first, last))
            start = offset - first * BLOCK
            plain[start : start + len(data)] = data
            sealed = b"".join(
                crypto.seal_block(key, block, bytes(plain[(block - first) * BLOCK :][:BLOCK]))
                for block in range(first, last + 1)
            )
            os.pwrite(file.fileno(), sealed, first * BLOCK)
            os.fsync(file.fileno())

    def read(self, number: int, offset: int, length: int) -> bytes:
        volume, key = self._open(number, offset, length)
        if not length:
            return b""
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        with self._locks[number], self._path(volume.uuid).open("rb") as file:
            plain = _read_blocks(file.fileno(), key, first, last)
        return plain[offset - first * BLOCK :][:length]

    def delete(self, number: int) -> None:
        """Forget the volume and its data key; without the key its blocks are noise, so the file is just removed."""
        with self._store.unit() as unit:
            volume = unit.volumes.one(id=number)
            if volume is None:
                raise no_such("Volume", number)
            unit.data_keys.delete(volume_id=number)
            unit.volumes.delete(id=number)
        self._path(volume.uuid).unlink(missing_ok=True)

    def _open(self, number: int, offset: int, length: int) -> tuple[Volume, Secret]:
        if length > MAX_TRANSFER:
            raise ElementError("xExceededLimit", f"One call transfers at most {MAX_TRANSFER} bytes.")
        with self._store.unit() as unit:
            volume = unit.volumes.one(id=number)
            if volume is None:
                raise no_such("Volume", number)
            master = _master(unit)
            data_key = unit.data_keys.one(volume_id=number, master_key_id=master.id)
            assert data_key is not None
            # In here: a rekey that ends meanwhile would take the key away.
            key = crypto.unwrap(self._keys.in_use(master), data_key.wrapped)
        if offset < 0 or length < 0 or offset + length > volume.blocks * BLOCK:
            raise ElementError("xInvalidParameter", f"The range is outside the volume ({volume.blocks * BLOCK} bytes).")
        return volume, key

    def _path(self, identity: str) -> Path:
        return self._directory / f"{identity}.blocks"


def _read_blocks(descriptor: int, key: Secret, first: int, last: int) -> bytes:
    sealed = os.pread(descriptor, (last - first + 1) * BLOCK, first * BLOCK)
    return b"".join(
        crypto.open_block(key, block, sealed[(block - first) * BLOCK :][:BLOCK]) for block in range(first, last + 1)
    )


def _master(unit: Unit) -> MasterKey:
    master = current(unit)
    if master is None:
        raise ElementError(
            "xSoftwareEncryptionAtRestNotEnabled",
            "Volumes are encrypted always; create the cluster with enableSoftwareEncryptionAtRest.",
        )
    return master
