"""PINs that only the server knows: in the registry, sealed under the root store's wrapping key."""

from __future__ import annotations

from collections.abc import Callable

from kmipd.core.errors import StoreError, StoreUnavailable
from kmipd.core.failures import FailureReason
from kmipd.core.keystores import Member
from kmipd.core.ports import KeyStore
from kmipd.registry import Registry

_CKA_ID = 16  # bytes, before the blob: which wrapping key sealed it


class Credentials:
    """Seals and opens the PINs of key stores. `root` gives the root store, or what stands in for it."""

    def __init__(self, registry: Registry, root: Callable[[], KeyStore]) -> None:
        self._registry = registry
        self._root = root

    def member(self, store: str, name: str) -> Member:
        """What the registry has about this member now."""
        found = self._registry.key_stores.get(store).member(name)
        if found is None:
            raise StoreUnavailable(f"the key store {store!r} has no member {name!r}", store=store)
        return found

    def current(self, store: str, name: str) -> str:
        """The PIN that counts. StoreUnavailable when the root store cannot open it."""
        return self.opened(store, name, self.member(store, name).pin_current)

    def opened(self, store: str, name: str, sealed: bytes) -> str:
        """A sealed PIN in clear."""
        try:
            plain = self._root().unseal(sealed[:_CKA_ID], sealed[_CKA_ID:], _bound(store, name))
        except StoreError as error:
            raise StoreUnavailable(
                f"the PIN of key store {store!r} is sealed under the root store, which does not open it: {error}",
                store=store,
                failure=FailureReason.ROOT_STORE_UNAVAILABLE,
            ) from None
        return plain.decode()

    def sealed(self, store: str, name: str, pin: str) -> bytes:
        """A PIN, sealed for this member and no other."""
        root = self._root()
        wrapping_key = self._registry.take_wrapping_use(root.name)
        if wrapping_key is None:
            raise StoreUnavailable(
                "the root store has no wrapping key to seal a PIN under", failure=FailureReason.ROOT_STORE_UNAVAILABLE
            )
        return wrapping_key + root.seal(wrapping_key, pin.encode(), _bound(store, name))


def _bound(store: str, name: str) -> bytes:
    return f"kmipd:pin:1:{store}:{name}".encode()
