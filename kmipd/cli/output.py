"""How commands print: tables for people, JSON for scripts, one sentence for failures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from kmipd import config
from kmipd.administration import FAILURES
from kmipd.doors.supervisor import PortInUse
from kmipd.registry.clients import ClientExists

WIDE = 200  # columns of a table that goes to a file or a pipe
F = TypeVar("F", bound=Callable[..., Any])

directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    envvar="KMIPD_DIR",
    required=True,
    help="The kmipd directory, as made by `kmipd init` (environment: KMIPD_DIR).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


class Failure(click.ClickException):
    """One sentence on standard error, and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance, and declares it on the class


@contextmanager
def failures() -> Iterator[None]:
    """Turn what a command may meet into one sentence and its exit code; anything else is a bug and shows itself."""
    try:
        yield
    except ClientExists as error:
        raise Failure(f"there is a client {error} already; `kmipd client list` shows all", 1) from None
    except PortInUse as error:
        raise Failure(str(error), 7) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except tuple(cls for cls, _ in FAILURES) as error:
        code = next(code for cls, code in FAILURES if isinstance(error, cls))
        raise Failure(str(error), code) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Failure(f"the system refused{where}: {error.strerror or error}", 1) from None


def settings_of(directory: Path) -> config.Settings:
    return config.load(directory)


def console() -> Console:
    # Without a terminal nobody folds lines for us, and folded cells could not be searched.
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell is None or cell == "" else str(cell) for cell in row))
    console().print(table)


def day(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
