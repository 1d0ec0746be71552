"""`kmipd store`: key stores, which are tokens or groups of clones."""

from __future__ import annotations

import click

from kmipd.cli.stores import clones, lifecycle, looking, probing


@click.group()
def store() -> None:
    """Key stores: HSMs that are connected, disconnected and synchronised while the server runs.

    \b
    A second HSM beside the one of kmipd.toml:
      kmipd store create hsm2 --module /opt/vendor/lib/p11.so --token-label KMIP --pin-file /etc/kmipd/hsm2.pin
      kmipd store connect hsm2

    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 settings, 4 a store could not be connected or its token does not
    answer, 5 registry.
    """


for command in (*lifecycle.COMMANDS, *clones.COMMANDS, *looking.COMMANDS, *probing.COMMANDS):
    store.add_command(command)
