"""`PKCS11Store`: one PKCS#11 token as a key store of the core."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from pkcs11.mechanisms import GCMParams, KeyType, Mechanism

from kmipd.core.errors import MechanismUnavailable, StoreDishonest, StoreRefused, TokenKeyMissing
from kmipd.core.ports import (
    CipherParameters,
    CipherResult,
    KeyClass,
    KeyTemplate,
    MACParameters,
    SignatureParameters,
    StoreHealth,
    TokenKey,
    TokenObject,
)
from kmipd.spec.enumerations import BlockCipherMode
from kmipd_pkcs11 import healing, login, mechanisms, release, sentinel, showing, templates
from kmipd_pkcs11.ceremony import Ceremony
from kmipd_pkcs11.codes import CKR
from kmipd_pkcs11.connection import Connection
from kmipd_pkcs11.crypt import BoundKey, encrypt
from kmipd_pkcs11.der import ecdsa_der
from kmipd_pkcs11.errors import CallFailed, Verb
from kmipd_pkcs11.generation import Generator
from kmipd_pkcs11.mechanisms import Plan
from kmipd_pkcs11.objects import Objects
from kmipd_pkcs11.proofs import Proofs
from kmipd_pkcs11.release import WrapKind
from kmipd_pkcs11.sessions import PooledSession
from kmipd_pkcs11.settings import StoreSettings
from kmipd_pkcs11.states import State
from kmipd_pkcs11.templates import SecretKind
from kmipd_pkcs11.transport import Transport

NONCE: Final = 12  # bytes, of AES-GCM
TAG: Final = 16  # bytes, of AES-GCM
_GCM: Final = Plan(Mechanism.AES_GCM)


class PKCS11Store:
    """Implements `kmipd.core.ports.KeyStore`. The constructor touches nothing; the first call connects."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._connection = Connection(settings)
        self._objects = Objects(self._connection)
        self._generator = Generator(self._connection, self._objects)
        self._proofs = Proofs(self._connection)
        parts = (self._connection, self._objects, self._generator, self._proofs)
        self.transport = Transport(*parts)
        self.ceremony = Ceremony(*parts)

    def __repr__(self) -> str:
        return f"<PKCS11Store {self.name} {self._connection.state.value}>"

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def state(self) -> State:
        return self._connection.state

    def connect(self) -> None:
        """Log in now. StoreUnavailable says why it failed; the store goes on trying by itself."""
        self._connection.connect()

    def prepare(self) -> None:
        """Make the sentinel, if it is missing, and connect: once per token, by `kmipd init`."""
        connection = self._connection

        def make_sentinel(session: PooledSession) -> None:
            with connection.lock.writing():
                if sentinel.find(connection.functions, session.handle) is None:
                    sentinel.create(connection.functions, session.handle)

        connection.demand_sentinel = False
        try:
            connection.run(Verb.GENERATE, make_sentinel)
        finally:
            connection.demand_sentinel = True
        self.check()

    def check(self) -> None:
        """Ask the token for random bytes, and the sentinel for its answer. StoreUnavailable says what is wrong."""
        connection = self._connection

        def ask(session: PooledSession) -> None:
            session.session.generate_random(64)
            with connection.lock.searching():
                handle = sentinel.demand(connection.functions, session.handle, self.name)
            login.compare(connection, *sentinel.fingerprint(session.session, handle))

        connection.run(Verb.FIND, ask)

    @property
    def fingerprint(self) -> bytes:
        """What the sentinel makes of a block of zeros; empty before the first login."""
        return self._connection.fingerprint

    def forget_refused_pin(self) -> None:
        """The operator vouches for the PIN: it will be tried once more."""
        self._connection.latch.clear()

    def close(self) -> None:
        """Log out, close all sessions and give the module back. The store cannot be used again."""
        self._connection.close()

    def health(self) -> StoreHealth:
        connection = self._connection
        current = connection.login
        return StoreHealth(
            up=connection.state is State.UP,
            reason=connection.reason,
            epoch=connection.epoch,
            module=str(self._settings.module),
            token_label=current.token.label if current else self._settings.token_label,
            token_serial=current.token.serial.decode("ascii", "replace") if current else self._settings.token_serial,
            failure=connection.failure if connection.state is State.DOWN else None,
        )

    def stuck(self) -> str:
        """Why only another process can get at this token again; empty when recovery is possible in this one."""
        return healing.stuck(self._connection)

    def random(self, size: int) -> bytes:
        if size == 0:
            return b""
        return self._connection.run(Verb.RANDOM, lambda session: session.session.generate_random(size * 8))

    def seed_random(self, seed: bytes) -> int:
        try:
            self._connection.run(Verb.RANDOM, lambda session: session.session.seed_random(seed))
        except MechanismUnavailable:  # most hardware takes no seed: its own entropy is all it trusts
            return 0
        return len(seed)

    # Resident keys -------------------------------------------------------------------------------------------

    def can_hold(self, template: KeyTemplate) -> bool:
        pair = templates.pair_kind(template, self._settings.rsa_bits_min)
        secret = templates.secret_kind(template)
        kind = pair or secret
        if kind is None or self._too_long(secret):
            return False

        def probe(session: PooledSession) -> bool:
            if kind.mechanism not in self._proofs.mechanisms():
                return False
            if not template.extractable:
                return True
            try:
                way = self._proofs.wrap_way(session)
            except MechanismUnavailable:
                return False  # it could be made, and never be released
            return pair is None or way.kind is WrapKind.KWP or self._connection.facts.wrap_pads_with_zeros

        return self._connection.run(Verb.FIND, probe)

    def _too_long(self, kind: SecretKind | None) -> bool:
        longest = self._connection.facts.secret_bytes
        return kind is not None and bool(longest) and kind.size > longest

    def generate_key(self, cka_id: bytes, template: KeyTemplate) -> TokenKey:
        return self._generator.key(cka_id, template)

    def generate_key_pair(self, cka_id: bytes, template: KeyTemplate) -> tuple[TokenKey, bytes]:
        return self._generator.pair(cka_id, template)

    def release(self, key: TokenKey) -> bytearray:
        return self._connection.run(Verb.WRAP, lambda session: self._release(session, key))

    def _release(self, session: PooledSession, key: TokenKey) -> bytearray:
        settings, functions = self._settings, self._connection.functions
        way = self._proofs.wrap_way(session)
        handle = self._objects.handle(session, key.cka_id, key.key_class)
        if self._connection.facts.wraps_unextractable:
            self._objects.demand_extractable(session, handle)
        uses, seconds = settings.release_kek_uses_max, settings.release_kek_seconds_max
        kek = release.current_kek(functions, session, way.source, uses, seconds)
        secret = key.key_class is KeyClass.SECRET
        size = key.material_size or (key.length + 7) // 8
        room = (size if secret else release.PRIVATE_ROOM) + release.OVERHEAD
        try:
            wrapped = functions.wrap(session.handle, way.mechanism, kek.handle, handle, room)
            material = way.unwrap(kek.value, wrapped)
        except InvalidUnwrap:
            if not session.retry:  # SoftHSM2 mixes handles up when sessions are closed beside it, once in a long while
                raise CallFailed("C_WrapKey", CKR.GENERAL_ERROR) from None
            raise StoreDishonest("what the token wrapped is not what its mechanism says", store=self.name) from None
        finally:
            if uses == 1:
                release.drop_kek(functions, session)
        return release.true_length(material, size) if secret else release.trim_der(material)

    def exists(self, cka_id: bytes) -> bool:
        return self._connection.run(Verb.FIND, lambda session: self._objects.exists(session, cka_id))

    def describe(self, key: TokenKey) -> tuple[int | None, dict[str, str | int | bool]]:
        """A key as its token has it: its handle and what may be shown of it; None and nothing when it is not there."""
        try:
            return self._connection.run(Verb.FIND, lambda session: showing.shown(self._objects, session, key))
        except TokenKeyMissing:
            return None, {}

    def destroy(self, cka_id: bytes) -> None:
        self._connection.run(Verb.DESTROY, lambda session: self._objects.destroy_all(session, cka_id))

    def destroy_each(self, cka_ids: Collection[bytes]) -> frozenset[bytes]:
        return self._connection.run(Verb.DESTROY, lambda session: self._objects.destroy_each(session, cka_ids))

    def inventory(self) -> Sequence[TokenObject]:
        return self._connection.run(Verb.FIND, self._objects.list)

    # Wrapped keys --------------------------------------------------------------------------------------------

    def create_wrapping_key(self, cka_id: bytes) -> None:
        self.generate_key(cka_id, templates.WRAPPING_KEY)

    def seal(self, wrapping_key: bytes, plain: bytes, additional_data: bytes) -> bytes:
        def work(session: PooledSession) -> bytes:
            key = self._bound(session, wrapping_key, KeyClass.SECRET, KeyType.AES, _GCM)
            nonce = session.session.generate_random(NONCE * 8)
            functions = self._connection.functions
            return nonce + functions.encrypt_gcm(session.handle, key.handle, nonce, additional_data, TAG * 8, plain)

        return self._connection.run(Verb.ENCRYPT, work)

    def unseal(self, wrapping_key: bytes, sealed: bytes, additional_data: bytes) -> bytes:
        if len(sealed) < NONCE + TAG:
            raise StoreRefused(f"a sealed blob of {len(sealed)} bytes is too short", store=self.name)

        def work(session: PooledSession) -> bytes:
            key = self._bound(session, wrapping_key, KeyClass.SECRET, KeyType.AES, _GCM)
            parameter = GCMParams(sealed[:NONCE], additional_data, TAG * 8)
            return key.decrypted(Mechanism.AES_GCM, parameter, sealed[NONCE:])

        return self._connection.run(Verb.DECRYPT, work)

    # Cryptography --------------------------------------------------------------------------------------------

    def encrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes) -> CipherResult:
        plan = mechanisms.cipher_plan(parameters)

        def work(bound: BoundKey) -> bytes:
            return encrypt(self._connection.functions, bound, plan.mechanism, plan.parameter, data)

        result = self._crypt(Verb.ENCRYPT, key, plan, work)
        if parameters.block_cipher_mode is not BlockCipherMode.GCM:
            return CipherResult(data=result)
        cut = len(result) - parameters.tag_length
        return CipherResult(data=result[:cut], tag=result[cut:])

    def decrypt(self, key: TokenKey, parameters: CipherParameters, data: bytes, tag: bytes) -> bytes:
        plan = mechanisms.cipher_plan(parameters)
        if parameters.block_cipher_mode is BlockCipherMode.GCM and len(tag) != parameters.tag_length:
            raise StoreRefused(f"a GCM tag of {len(tag)} bytes instead of {parameters.tag_length}", store=self.name)
        whole = data + tag
        return self._crypt(
            Verb.DECRYPT, key, plan, lambda bound: bound.decrypted(plan.mechanism, plan.parameter, whole)
        )

    def sign(self, key: TokenKey, parameters: SignatureParameters, data: bytes) -> bytes:
        signing = mechanisms.sign_plan(parameters, data, self._connection.run(Verb.FIND, self._listed))
        plan = signing.plan
        data = signing.data
        signature = self._crypt(Verb.SIGN, key, plan, lambda bound: bound.signed(plan.mechanism, plan.parameter, data))
        return ecdsa_der(signature) if plan.mechanism is Mechanism.ECDSA else signature

    def mac(self, key: TokenKey, parameters: MACParameters, data: bytes) -> bytes:
        plan = mechanisms.mac_plan(parameters)
        return self._crypt(Verb.SIGN, key, plan, lambda bound: bound.signed(plan.mechanism, plan.parameter, data))

    def _listed(self, _: PooledSession) -> frozenset[int]:
        return self._proofs.mechanisms()

    def _crypt(self, verb: Verb, key: TokenKey, plan: Plan, work: Callable[[BoundKey], bytes]) -> bytes:
        key_type = templates.KEY_TYPES.get(key.algorithm)
        if key_type is None:
            raise MechanismUnavailable(f"no token key of {key.algorithm.name}", store=self.name)
        return self._connection.run(
            verb, lambda session: work(self._bound(session, key.cka_id, key.key_class, key_type, plan))
        )

    def _bound(
        self, session: PooledSession, cka_id: bytes, key_class: KeyClass, key_type: KeyType, plan: Plan
    ) -> BoundKey:
        """The key in this session, for a mechanism that is proved."""
        self._proofs.demand(session, plan)
        return BoundKey(session.session, self._objects.handle(session, cka_id, key_class), key_type)
