"""Stores, sessions and mechanisms of PKCS#11 tokens."""

import logging

# Where nobody has set up a log, as in a command, what is wrong is said by the error, once.
logging.getLogger(__name__).addHandler(logging.NullHandler())
