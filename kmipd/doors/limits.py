"""The bounds of a door, each with its reason. All are settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """Times in seconds."""

    threads_min: int = 2  # in one worker: one computes while the other is in the token or on the wire
    threads_max: int = 16  # when all are stuck in a slow HSM, which needs concurrency, not cores
    connections_max: int = 2_000  # in one worker; an idle one costs a file descriptor and some 50 kB of TLS state
    connections_per_client_max: int = 500  # one client must not take all; a storage cluster uses a few dozen
    rate_per_client_max: int = 0  # requests a second and worker; 0 is no limit: storage boots in bursts

    handshake: float = 10.0  # a peer that says nothing holds a descriptor for this long, never a thread
    # Clients keep connections and some break when the server closes first (radosgw answers 400 for as long as it has
    # traffic), so idle connections live for hours.
    idle: float = 4 * 3600.0
    request: float = 30.0  # from the first byte of a message to its last: half a message is not kept for ever
    # For a request: clients wait 10 to 60 s. Longer than a slow HSM takes for an RSA pair; raise it if yours does not.
    answer: float = 20.0
    hung_max: int = 4  # threads that never came back before the worker process is replaced; fewer than threads_max
    silence: float = 20.0  # a worker that does not say that it is alive for so long is killed and replaced
    write: float = 30.0  # for a client that does not read its answer
    drain: float = 20.0  # after SIGTERM, in all
    drain_idle: float = 11.0  # after SIGTERM, for a connection to stay unused: radosgw drops its own after 10 s, and
    # breaks when ours is the side that closes one it still keeps
    recheck: float = 5.0  # how soon a revocation is noticed on a connection that is open already
