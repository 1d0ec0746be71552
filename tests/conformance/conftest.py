"""A real server for the test cases."""

from tests.support.fixtures import server, softhsm

__all__ = ["server", "softhsm"]
