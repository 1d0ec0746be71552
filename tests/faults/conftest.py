"""Servers that are to be broken."""

from tests.support.fixtures import own_server, softhsm

__all__ = ["own_server", "softhsm"]
