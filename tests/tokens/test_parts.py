"""The small parts on their own: gate, handle cache, PIN latch, provider facts, settings, DER."""

from __future__ import annotations

import re
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pkcs11.constants import Attribute

from kmipd.core.errors import StoreDishonest, StoreUnavailable
from kmipd.core.keystores import PinKind, PinSource
from kmipd_pkcs11 import der, providers, release
from kmipd_pkcs11.errors import ErrorClass
from kmipd_pkcs11.gate import Gate, GateClosed
from kmipd_pkcs11.handles import HandleCache
from kmipd_pkcs11.healing import Healer
from kmipd_pkcs11.locks import TokenLock
from kmipd_pkcs11.pin_sources import pin_from
from kmipd_pkcs11.pins import PinLatch
from kmipd_pkcs11.providers import GENERIC, ProviderFacts, facts_of, known, load
from kmipd_pkcs11.settings import StoreSettings
from tests.tokens.faults import eventually


class TestGate:
    def test_a_writer_waits_for_readers_and_keeps_new_ones_out(self) -> None:
        gate, order = Gate(), []
        gate.enter(1)

        def write() -> None:
            with gate.exclusive(5):
                order.append("writer")
                time.sleep(0.05)

        def read() -> None:
            gate.enter(5)
            order.append("reader")
            gate.leave()

        writer, reader = threading.Thread(target=write), threading.Thread(target=read)
        writer.start()
        while not gate._writer:
            time.sleep(0.001)
        reader.start()
        time.sleep(0.05)
        assert order == []
        gate.leave()
        writer.join()
        reader.join()
        assert order == ["writer", "reader"]

    def test_a_call_that_hangs_is_told_and_new_calls_go_on(self) -> None:
        gate = Gate()
        gate.enter(1)
        with pytest.raises(GateClosed, match="1 call"), gate.exclusive(0.05):
            pass
        gate.enter(0.1)
        assert gate.inside == 2

    def test_a_reader_gives_up(self) -> None:
        gate = Gate()
        with gate.exclusive(1), pytest.raises(GateClosed):
            gate.enter(0.02)
        gate.enter(0.02)

    def test_it_opens_after_an_error_of_the_writer(self) -> None:
        gate = Gate()
        with pytest.raises(RuntimeError), gate.exclusive(1):
            raise RuntimeError
        gate.enter(0.02)


class TestHandleCache:
    def test_an_epoch_voids(self) -> None:
        cache = HandleCache(4)
        cache.put(b"a", 4, 1, 17)
        assert cache.get(b"a", 4, 1) == 17
        assert cache.get(b"a", 3, 1) is None
        assert cache.get(b"a", 4, 2) is None
        assert cache.get(b"a", 4, 1) is None

    def test_it_is_bounded_and_drops_the_least_used(self) -> None:
        cache = HandleCache(2)
        cache.put(b"a", 4, 1, 1)
        cache.put(b"b", 4, 1, 2)
        cache.get(b"a", 4, 1)
        cache.put(b"c", 4, 1, 3)
        assert len(cache) == 2
        assert cache.get(b"b", 4, 1) is None
        assert cache.get(b"a", 4, 1) == 1

    def test_drop_forgets_all_classes(self) -> None:
        cache = HandleCache(4)
        cache.put(b"a", 2, 1, 1)
        cache.put(b"a", 3, 1, 2)
        cache.drop(b"a")
        assert len(cache) == 0


class TestPinLatch:
    def test_only_the_refused_pin_is_blocked(self) -> None:
        latch = PinLatch(None)
        assert not latch.blocks("1234")
        latch.refuse("1234")
        assert latch.blocks("1234")
        assert not latch.blocks("5678")
        latch.clear()
        assert not latch.blocks("1234")

    def test_it_holds_for_other_processes_and_does_not_tell_the_pin(self, tmp_path: Path) -> None:
        path = tmp_path / "refused"
        PinLatch(path).refuse("hunter22")
        assert PinLatch(path).blocks("hunter22")
        assert b"hunter22" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0

    def test_it_holds_on_a_disk_that_is_full(self, tmp_path: Path) -> None:
        """In this process; and what other processes knew before is not forgotten."""
        latch = PinLatch(tmp_path / "refused")
        latch.refuse("hunter22")
        with _no_room():
            latch.refuse("hunter33")
        for _ in range(2):
            assert latch.blocks("hunter22")
            assert latch.blocks("hunter33")
        assert PinLatch(tmp_path / "refused").blocks("hunter22")
        empty = PinLatch(tmp_path / "other")
        with _no_room():
            empty.refuse("hunter44")
        assert empty.blocks("hunter44")
        assert [path.name for path in tmp_path.iterdir()] == ["refused"], "nothing half written"
        latch.clear()
        assert not any(map(latch.blocks, ("hunter22", "hunter33")))


@contextmanager
def _no_room() -> Iterator[None]:
    """Files can be made, and nothing can be written to them."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class TestHealer:
    def test_a_token_that_goes_away_again_just_as_it_is_well_is_healed_again(self) -> None:
        """The thread that has healed it still lives then, and is about to end."""
        attempts, twice = [], threading.Event()

        def attempt() -> bool:
            attempts.append(1)
            if len(attempts) == 1:
                elsewhere = threading.Thread(target=healer.start)
                elsewhere.start()
                elsewhere.join()
            else:
                twice.set()
            return True

        healer = Healer("a", 0.01, 0.02, attempt)
        healer.start()
        assert twice.wait(10)
        healer.stop()

    def test_it_ends_when_there_is_nothing_left_to_do_and_begins_anew(self) -> None:
        attempts = threading.Semaphore(0)

        def attempt() -> bool:
            attempts.release()
            return True

        healer = Healer("one", 0.01, 0.02, attempt)
        for _ in range(2):
            healer.start()
            assert attempts.acquire(timeout=10)
            assert eventually(lambda: "kmipd-heal-one" not in [thread.name for thread in threading.enumerate()])
        assert not attempts.acquire(timeout=0.1), "once each"


class TestTokenLock:
    def test_two_processes_exclude_each_other(self, tmp_path: Path) -> None:
        first, second = TokenLock("a", tmp_path / "lock", 1), TokenLock("b", tmp_path / "lock", 0.05)
        with first.writing():
            with pytest.raises(StoreUnavailable), second.writing():
                pass
            with second.searching():
                pass
        with second.writing():
            pass
        first.close()
        second.close()

    def test_a_token_that_bears_it_is_changed_by_many_at_once(self, tmp_path: Path) -> None:
        lock = TokenLock("a", tmp_path / "lock", 0.1, needed=False)
        with lock.writing(), lock.writing(), lock.searching():
            assert lock.held_for(time.monotonic()) == 0.0
        other = TokenLock("b", tmp_path / "lock", 0.1, needed=False)
        with lock.alone(), pytest.raises(StoreUnavailable), other.alone():
            pass  # logins are one after the other all the same

    def test_a_missing_folder_is_told(self, tmp_path: Path) -> None:
        lock = TokenLock("a", tmp_path / "nowhere" / "lock", 1)
        with pytest.raises(StoreUnavailable, match="nowhere"), lock.writing():
            pass


class TestFacts:
    def test_those_we_ship(self) -> None:
        softhsm = facts_of("/anywhere/libsofthsm2.so")
        assert softhsm.name == "SoftHSM2"
        assert softhsm.configuration_variable == "SOFTHSM2_CONF"
        assert facts_of("/usr/lib/libopencryptoki.so.0.0.0").name == "openCryptoki"
        assert facts_of("/opt/vendor/libvendor.so") is GENERIC

    def test_every_file_is_valid_and_says_what_was_tried(self) -> None:
        vendors = {"softhsm2", "nss", "opencryptoki", "aws-cloudhsm", "luna", "nshield", "utimaco", "yubihsm2", "tpm2"}
        assert set(known()) == vendors
        for stem, facts in known().items():
            assert facts.files, stem
            assert {Path(path).name.split(".so")[0] for path in facts.paths} <= {
                name.split(".so")[0] for name in facts.files
            }, f"{stem}: a library there would not be recognised by its name"
            assert facts.install, stem
            assert facts.about.tried, stem
            assert facts.about.strategy, stem
            assert facts.about.read, stem

    def test_every_fact_is_used(self) -> None:
        """A fact that no code reads is information, and belongs into the section [about]."""
        room = Path(providers.__file__).parent
        code = "\n".join(path.read_text() for path in room.rglob("*.py"))
        used = {name for name in ProviderFacts.__dataclass_fields__ if re.search(rf"(facts|self|\])\.{name}\b", code)}
        assert set(ProviderFacts.__dataclass_fields__) - used == {"about"}

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ('[errors]\n"decode CKR_DEVICE_ERROR" = "caller"', "verb"),
            ('[errors]\n"decrypt CKR_DEVICE_EROR" = "caller"', "return code"),
            ('[errors]\n"decrypt CKR_DEVICE_ERROR" = "coller"', "coller"),
            ("[about]\ntryed = 'x'", "tryed"),
        ],
    )
    def test_typing_errors_in_the_other_sections(self, text: str, what: str) -> None:
        with pytest.raises(ValueError, match=what):
            load(text)

    def test_a_typing_error_is_told(self) -> None:
        with pytest.raises(ValueError, match="serialize"):
            load("[quirks]\nserialize = true\n")

    def test_quirks_and_errors(self) -> None:
        facts = load('[quirks]\nnot_read_back = ["MODIFIABLE"]\n[errors]\n"* CKR_DEVICE_ERROR" = "session"\n')
        assert facts.not_read_back == {Attribute.MODIFIABLE}
        assert facts.overrules == {("*", "CKR_DEVICE_ERROR"): ErrorClass.SESSION}

    def test_a_missing_library_comes_with_its_remedy(self) -> None:
        facts = load('name = "X"\ninstall = "apt-get install x"\npaths = ["/nowhere/libx.so"]\n')
        with pytest.raises(StoreUnavailable, match="apt-get install x"):
            facts.find()


class TestSettings:
    def test_a_token_needs_a_name(self) -> None:
        with pytest.raises(ValueError, match="label"):
            StoreSettings(name="a", module=Path("/x"), pin=lambda: "")

    def test_the_pin_source_does_not_print(self) -> None:
        assert "pin" not in repr(StoreSettings(name="a", module=Path("/x"), token_label="t", pin=lambda: ""))

    def test_a_pin_file(self, tmp_path: Path) -> None:
        path = tmp_path / "pin"
        source = pin_from(PinSource(PinKind.FILE, (str(path),)))
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            source()
        path.touch(mode=0o600)
        with pytest.raises(StoreUnavailable, match="empty"):
            source()
        path.write_text("s3cret\n")
        assert source() == "s3cret"
        path.chmod(0o644)
        with pytest.raises(StoreUnavailable, match="chmod 600") as caught:
            source()
        assert "s3cret" not in str(caught.value)


class TestReleaseParts:
    def test_true_length(self) -> None:
        assert release.true_length(b"secret\0\0", 6) == b"secret"
        for material in (b"secret\0x", b"secr"):
            with pytest.raises(StoreDishonest) as caught:
                release.true_length(material, 6)
            assert "secr" not in str(caught.value)

    @pytest.mark.parametrize("size", [5, 127, 128, 300, 70000])
    def test_der_is_trimmed(self, size: int) -> None:
        length = bytes([size]) if size < 128 else bytes([0x83]) + size.to_bytes(3, "big")
        whole = b"\x30" + length + b"x" * size
        assert release.trim_der(whole + bytes(7)) == whole
        for broken in (whole[:-1], whole + b"\1", b"\x31" + whole[1:], b""):
            with pytest.raises(StoreDishonest):
                release.trim_der(broken)

    def test_a_release_key_is_overwritten(self) -> None:
        key = release.ReleaseKey(1, bytearray(b"x" * 32))
        key.wipe()
        assert key.value == bytes(32)

    def test_signatures_that_are_none(self) -> None:
        for broken in (b"", b"abc"):
            with pytest.raises(StoreDishonest):
                der.ecdsa_der(broken)
