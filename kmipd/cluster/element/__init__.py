"""The Element API: JSON-RPC over HTTPS, as the unmodified SDKs of NetApp speak it."""
