"""Clients that make, use and destroy keys without pause, note every answer, and know what must be there in the end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmipd import app, config
from kmipd.core.model import Placement
from kmipd.core.recovery import orphans
from kmipd.spec import payloads as p
from kmipd.spec.attributes import CryptographicParameters
from kmipd.spec.enumerations import (
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
)
from kmipd.spec.masks import CryptographicUsageMask
from kmipd.spec.tags import Tag
from tests.support.asking import activate, aes, create_pair, create_request, revoke_request
from tests.support.client import Client, Ended, Refused
from tests.support.server import Identity, Server

_ROOT = Path(__file__).parent.parent.parent
DONE = "done"
ENDED = "the connection ended"
STUCK = "no answer"
_WAS_DONE = {ResultReason.PERMISSION_DENIED, ResultReason.ITEM_NOT_FOUND}  # 1.4's words for a state that forbids it
_CBC = CryptographicParameters(block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5)
_SHA256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
_KEEP = 5  # one key in so many is kept to the end
_PAUSE = 0.02  # seconds after a failure: a client that is refused does not hammer


@dataclass(frozen=True)
class Answer:
    """What became of one request."""

    at: float  # monotonic
    seconds: float
    operation: Operation
    said: str


class Customer:
    """One client with a connection and a thread of its own."""

    def __init__(self, server: Server, identity: Identity, stop: threading.Event) -> None:
        self._server = server
        self._identity = identity
        self._stop = stop
        self.answers: list[Answer] = []
        self.lived = 0.0  # when it last began a life that went well to its end
        self.lives = 0
        self.keys: dict[str, bytes] = {}  # acknowledged, with the material that was first got
        self.gone: set[str] = set()  # destroyed, acknowledged
        self.unsure: set[str] = set()  # asked to be destroyed, not acknowledged
        self._left: list[str] = []  # of lives that were interrupted
        self._signing = ""
        self.broken: list[str] = []  # answers that were wrong
        self._thread = threading.Thread(target=self._run, name=identity.name)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client.connect(self._server, self._identity) as client:
                    while not self._stop.is_set():
                        self._try_to_live(client)
            except (Ended, OSError):
                time.sleep(_PAUSE)

    def _try_to_live(self, client: Client) -> None:
        begun = time.monotonic()
        try:
            self._live(client)
        except Refused:
            time.sleep(_PAUSE)
        else:
            self.lives += 1
            self.lived = begun

    def _live(self, client: Client) -> None:
        while self._left:
            self._destroy(client, self._left[-1])
            self._left.pop()
        if not self._signing:
            self._signing = self._make_signing_key(client)
        uid = str(self._ask(client, Operation.CREATE, create_request(client.version, aes())).unique_identifier)
        self.keys[uid] = b""
        keep = self.lives % _KEEP == 0
        try:
            self._use(client, uid)
        except Exception:
            if not keep:
                self._left.append(uid)
            raise
        if not keep:
            self._left.append(uid)
            self._destroy(client, uid)
            self._left.pop()

    def _use(self, client: Client, uid: str) -> None:
        self._ask(client, Operation.ACTIVATE, p.ActivateRequestPayload(unique_identifier=uid))
        self.keys[uid] = _material(self._ask(client, Operation.GET, p.GetRequestPayload(unique_identifier=uid)))
        same: dict[str, Any] = {
            "unique_identifier": uid,
            "cryptographic_parameters": _CBC,
            "iv_counter_nonce": bytes(16),
        }
        text = uid.encode()
        sealed = self._ask(client, Operation.ENCRYPT, p.EncryptRequestPayload(data=text, **same)).data
        if self._ask(client, Operation.DECRYPT, p.DecryptRequestPayload(data=sealed, **same)).data != text:
            self.broken.append(f"{uid} decrypts to something else")
        sign = p.SignRequestPayload(
            unique_identifier=self._signing, cryptographic_parameters=_SHA256, data=uid.encode()
        )
        self._ask(client, Operation.SIGN, sign)

    def _make_signing_key(self, client: Client) -> str:
        curve = ((Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.EC), (Tag.CRYPTOGRAPHIC_LENGTH, 256))
        masks = (CryptographicUsageMask.SIGN, CryptographicUsageMask.VERIFY)
        private, _ = create_pair(client, curve, *(((Tag.CRYPTOGRAPHIC_USAGE_MASK, mask),) for mask in masks))
        activate(client, private)
        return private

    def _destroy(self, client: Client, uid: str) -> None:
        self.unsure.add(uid)
        self._ask(client, Operation.REVOKE, revoke_request(uid), or_was_done=True)
        self._ask(client, Operation.DESTROY, p.DestroyRequestPayload(unique_identifier=uid), or_was_done=True)
        self.gone.add(uid)

    def _ask(self, client: Client, operation: Operation, payload: Any, or_was_done: bool = False) -> Any:
        begun, said = time.monotonic(), DONE
        try:
            return client.call(operation, payload)
        except Refused as error:
            if or_was_done and error.reason in _WAS_DONE:
                return None
            said = str(error.message)
            raise
        except TimeoutError:
            said = STUCK
            raise
        except (Ended, OSError):
            said = ENDED
            raise
        finally:
            self.answers.append(Answer(begun, time.monotonic() - begun, operation, said))

    def verify(self) -> list[str]:
        """What is not as it was acknowledged, asked of a healthy server."""
        wrong = list(self.broken)
        with Client.connect(self._server, self._identity) as client:
            for uid, material in self.keys.items():
                get = p.GetRequestPayload(unique_identifier=uid)
                try:
                    found = _material(client.call(Operation.GET, get))
                except Refused as error:
                    if uid not in self.unsure:
                        wrong.append(f"{uid} was acknowledged and is lost: {error}")
                    continue
                if uid in self.gone:
                    wrong.append(f"{uid} was destroyed and is still there")
                if material not in (b"", found):
                    wrong.append(f"{uid} has another value now")
        return wrong


def _material(answer: Any) -> bytes:
    return bytes(answer.managed_object.key_block.key_value.key_material)


def what_is_wrong(server: Server) -> list[str]:
    """Registry against token, after the server has ended and recovery has run as at a start.

    In a process of its own: SoftHSM2 serves one configuration in a process, and another test may have left it its own.
    """
    command = [sys.executable, "-m", __name__, str(server.directory)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def _look(directory: Path) -> list[str]:
    application = app.compose(config.load(directory, {}))
    try:
        app.make_ready(application)
        store, registry = application.store, application.registry
        wrong = [f"orphan {one.cka_id.hex()} {one.label}" for one in orphans(application.services, application.store)]
        wrong += [f"intent {one.cka_id.hex()}" for one in registry.intents(application.services.clock.now() + 1)]
        wrong += [f"unfinished destroy of {uid}" for uid in registry.pending_destroys()]
        held = Counter((one.cka_id, one.key_class) for one in store.inventory())
        wrong += [f"{cka_id.hex()} is there twice" for (cka_id, _), count in held.items() if count > 1]
        everything = registry.objects(limit=sum(registry.counts().values()))
        resident = [one for one in everything if one.placement is Placement.RESIDENT]
        ids = {cka_id for cka_id, _ in held}
        wrong += [f"{one.uid} is in the registry and not in the token" for one in resident if one.cka_id not in ids]
        return wrong
    finally:
        application.close()


def gather(customers: Iterable[Customer], since: float) -> list[Answer]:
    """All answers to requests made since then."""
    return [one for customer in customers for one in list(customer.answers) if one.at >= since]


if __name__ == "__main__":
    print(json.dumps(_look(Path(sys.argv[1]))))
