"""Doors carry requests in and answers out: the KMIP socket over mutual TLS, its workers and their supervisor."""
