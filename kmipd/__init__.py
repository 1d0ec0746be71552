"""kmipd: an external key server whose master keys live in a PKCS#11 token."""

__version__ = "0.1.0"
