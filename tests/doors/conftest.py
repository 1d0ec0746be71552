"""Real servers, real sockets."""

from tests.support.fixtures import client, connect, identity, own_server, server, softhsm

__all__ = ["client", "connect", "identity", "own_server", "server", "softhsm"]
