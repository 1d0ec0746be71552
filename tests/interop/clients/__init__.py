"""Real clients from the package index, unmodified, in an environment of their own: `make interop`."""
