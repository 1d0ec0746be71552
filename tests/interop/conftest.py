"""Everything here runs against a real server over mutual TLS."""

from tests.support.fixtures import client, connect, identity, own_server, server, softhsm

__all__ = ["client", "connect", "identity", "own_server", "server", "softhsm"]
