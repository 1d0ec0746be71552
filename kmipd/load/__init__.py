"""Load for any KMIP server: requests of real shapes over many TLS connections, measured from the client's side."""
