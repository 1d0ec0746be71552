"""Stores, sessions and mechanisms of PKCS#11 tokens."""
