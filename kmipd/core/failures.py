"""Why a key store could not be connected: enumerated, each with its remedy."""

from __future__ import annotations

from enum import Enum


class FailureReason(Enum):
    """Why a key store could not be connected. The value is the remedy, in a sentence."""

    INVALID_CREDENTIALS = "the token refused the PIN: correct it at its source; the same PIN is not tried again"
    USER_LOCKED_OUT = "the token has locked the user PIN: have its security officer set a new one (C_InitPIN)"
    PIN_EXPIRED = "the PIN has expired: change it with the vendor's tool, then put the new one at its source"
    PIN_NOT_SET = "the token has no user PIN yet: have its security officer set one (C_InitPIN)"
    PIN_SOURCE_UNREADABLE = "the PIN could not be read: see the source that `kmipd store describe` shows"
    USER_LOGGED_IN = "another user holds the login of this token in the same process: log that one out"
    MODULE_NOT_FOUND = "there is no PKCS#11 module at that path: install it, or correct --module"
    MODULE_NOT_LOADABLE = "the module does not load or initialise: see its own log and configuration"
    MODULE_SETTINGS_CLASH = "another store uses the same module file with other settings: give this one a copy of it"
    MODULE_CRASHED = "the module crashed the process that tried it: ask its vendor; the server was not harmed"
    TIMED_OUT = "the token did not answer in time: see its network and load, or raise --connect-timeout"
    TOKEN_NOT_FOUND = "no slot holds a token of that label or serial: insert it, or correct the name"
    TOKEN_AMBIGUOUS = "several tokens have that label: choose one by --token-serial"
    TOKEN_NOT_INITIALIZED = "the token is not initialised: initialise it with the vendor's tool"
    TOKEN_WRITE_PROTECTED = "the token cannot be written to: remove its write protection"
    TOKEN_SICK = "the token answers but does not list its sentinel: see its storage and its own log"
    TOKEN_REPLACED = "the token has the name but not the keys of the one used before: bring that one back"
    TOKEN_UNFIT = "the token lacks a mechanism or an attribute that is needed: see `kmipd store probe`"
    DEVICE_ERROR = "the device or the connection to it failed: see its power, cable, network and daemon"
    OUT_OF_RESOURCES = "the token or the machine is out of memory, sessions or objects: free some"
    NO_HEALTHY_MEMBER = "no member of the group answers: `kmipd store describe` shows why, member by member"
    NO_COMMON_LINEAGE = "the members share no transport key: hold the ceremony (`kmipd store clone`)"
    ROOT_STORE_UNAVAILABLE = "the PIN is kept under the root store, which does not answer: bring that one back first"
    INTERNAL_ERROR = "the cause is not known: see the server's log"

    @property
    def remedy(self) -> str:
        return self.value
