"""Cryptography in software, for material that the token cannot use: tables over the `cryptography` package."""
