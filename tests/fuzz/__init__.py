"""Any bytes, on every encoding and on the reader of HTTP: a message or a ProtocolError, nothing else.

`targets` says what must hold, `test_fuzz` tries it for a moment with hypothesis, and `python -m tests.fuzz json` for as
long as one likes with atheris, which follows the branches of the code. Both begin with the corpus.
"""
