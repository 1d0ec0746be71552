"""`kmipd demo`: the main job, step by step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from kmipd import demo as demonstration


@click.command()
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="A new directory; a temporary one without it."
)
def demo(directory: Path | None) -> None:
    """Play the main job through: key server on a new token, cluster, trust, rekey, restart, data read back.

    Shows every command as you would type it. Needs softhsm2 and, to look into the token, opensc. Everything is made in
    one new directory, which stays for you to look at.
    """
    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="kmipd-demo-"))
    elif directory.exists():
        raise click.BadParameter("exists already; give a new directory", param_hint="--dir")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        demonstration.play(directory.resolve(), click.echo)
    except (demonstration.DemoError, OSError) as error:
        click.echo(f"\ndemo: failed\n{error}", err=True)
        raise SystemExit(1) from None
    click.echo("\ndemo: ok")
