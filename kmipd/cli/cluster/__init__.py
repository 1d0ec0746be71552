"""`kmipd cluster`: serve a storage cluster, and drive one, ours or a real one, through the Element API."""

from __future__ import annotations

import click

from kmipd.cli.cluster import about, encryption, providers, servers, trust, volumes
from kmipd.cli.cluster.serving import serve


@click.group()
def cluster() -> None:
    """A storage cluster that trusts the key server, and the commands that drive it or a real one.

    \b
    From nothing to a master key that is managed externally:
      kmipd cluster serve --dir CDIR --listen 127.0.0.1:8443
      export KMIPD_CLUSTER_TARGET=https://127.0.0.1:8443
      export KMIPD_CLUSTER_CA=CDIR/tls/cert.pem KMIPD_CLUSTER_PASSWORD=...
      kmipd cluster create
      kmipd cluster create-key-pair --common-name cluster1
      kmipd cluster csr --out cluster1.csr
      kmipd client sign cluster1 --csr cluster1.csr --dir DIR --out cluster1/
      kmipd cluster create-key-provider --name kmipd
      kmipd cluster add-key-server --name eks --host keys.example.com \\
            --ca-cert cluster1/ca.pem --client-cert cluster1/cert.pem --provider 1
      kmipd cluster test-key-provider 1
      kmipd cluster rekey --to external --provider 1 --wait

    Exit codes: 0 done, 1 the cluster refused, 2 wrong usage, 8 the cluster cannot be reached or trusted.
    """


for command in (
    serve,
    *about.COMMANDS,
    *trust.COMMANDS,
    *providers.COMMANDS,
    *servers.COMMANDS,
    *encryption.COMMANDS,
    volumes.volume,
):
    cluster.add_command(command)
