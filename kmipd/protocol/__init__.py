"""How KMIP is written: bytes to structures and back, from the declarations of `kmipd.spec`. No I/O."""
