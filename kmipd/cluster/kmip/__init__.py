"""The KMIP client: PyKMIP's messages over TLS connections of our own.

PyKMIP alone checks no host name, sends no SNI, knows IPv4 only and has no deadline for a whole exchange. Its codec is
what we want: our server is exercised every day by one that we did not write.
"""
