"""The operations that are served: one module each, and this table. Query answers from it."""

from __future__ import annotations

from collections.abc import Mapping

from kmipd.core.batch import Handler
from kmipd.core.operations import (
    activate,
    archive,
    attribute_changes,
    check,
    create,
    create_key_pair,
    derive_key,
    destroy,
    discover_versions,
    encrypt,
    get,
    get_attributes,
    get_usage_allocation,
    hash_data,
    locate,
    mac,
    mac_verify,
    query,
    re_key,
    re_key_key_pair,
    recover,
    register,
    revoke,
    rng,
    sign,
)
from kmipd.spec.enumerations import Operation as O

HANDLERS: Mapping[O, Handler] = {
    O.CREATE: create.create,
    O.CREATE_KEY_PAIR: create_key_pair.create_key_pair,
    O.REGISTER: register.register,
    O.RE_KEY: re_key.re_key,
    O.RE_KEY_KEY_PAIR: re_key_key_pair.re_key_key_pair,
    O.DERIVE_KEY: derive_key.derive_key,
    O.LOCATE: locate.locate,
    O.CHECK: check.check,
    O.GET: get.get,
    O.GET_ATTRIBUTES: get_attributes.get_attributes,
    O.GET_ATTRIBUTE_LIST: get_attributes.get_attribute_list,
    O.ADD_ATTRIBUTE: attribute_changes.add_attribute,
    O.MODIFY_ATTRIBUTE: attribute_changes.modify_attribute,
    O.DELETE_ATTRIBUTE: attribute_changes.delete_attribute,
    O.SET_ATTRIBUTE: attribute_changes.set_attribute,
    O.OBTAIN_LEASE: obtain_lease.obtain_lease,
    O.GET_USAGE_ALLOCATION: get_usage_allocation.get_usage_allocation,
    O.ACTIVATE: activate.activate,
    O.REVOKE: revoke.revoke,
    O.DESTROY: destroy.destroy,
    O.ARCHIVE: archive.archive,
    O.RECOVER: recover.recover,
    O.QUERY: query.query,
    O.DISCOVER_VERSIONS: discover_versions.discover_versions,
    O.ENCRYPT: encrypt.encrypt,
    O.DECRYPT: encrypt.decrypt,
    O.SIGN: sign.sign,
    O.SIGNATURE_VERIFY: sign.signature_verify,
    O.MAC: mac.mac,
    O.MAC_VERIFY: mac_verify.mac_verify,
    O.RNG_RETRIEVE: rng.rng_retrieve,
    O.RNG_SEED: rng.rng_seed,
    O.HASH: hash_data.hash_data,
}
query.SERVED = frozenset(HANDLERS)
