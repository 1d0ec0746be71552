"""The programs the supervisor runs; not for people."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd import app, serving
from kmipd.cli.output import directory_option, failures, settings_of
from kmipd.cli.stores.options import administration


@click.command("_prepare", hidden=True)
@directory_option
def prepare_command(directory: Path) -> None:
    """Check the token and finish what a crash left half done."""
    with failures():
        settings = settings_of(directory)
        serving.configure_logging(settings.server.log_level)
        done = serving.prepare(settings)
    if done != type(done)():
        click.echo(
            f"recovered: {done.removed} unanswered keys removed, {done.destroyed} destroys finished, "
            f"{done.adopted} intents settled, {done.waiting} wait for the token",
            err=True,
        )


@click.command("_connect", hidden=True)
@directory_option
@click.option("--store", "name", required=True)
def connect_command(directory: Path, name: str) -> None:
    """One attempt to connect a key store."""
    with administration(directory) as stores:
        serving.configure_logging("info" if stores.served else "critical")  # a command says it itself
        stores.attempt(name)


@click.command("_worker", hidden=True)
@directory_option
@click.option("--index", type=int, required=True)
@click.option("--listener", "listeners", type=int, multiple=True, required=True)
@click.option("--lifeline", type=int, required=True)
@click.option("--ready", type=int, required=True)
def worker_command(directory: Path, index: int, listeners: tuple[int, ...], lifeline: int, ready: int) -> None:
    """Serve on inherited sockets."""
    with failures():
        settings = settings_of(directory)
        serving.configure_logging(settings.server.log_level)
        app.run_worker(settings, index=index, listener_fds=listeners, lifeline_fd=lifeline, ready_fd=ready)
