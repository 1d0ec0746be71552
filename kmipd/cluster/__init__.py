"""A storage cluster that trusts an external key server: the companion of kmipd.

It is a client. It presents the NetApp SolidFire Element API, speaks KMIP over mutual TLS to the key servers it was told
to trust, and keeps volumes encrypted under data-encryption keys that are wrapped by one master key. It imports none of
the server's rooms and could live in another repository.
"""
