"""What the commands share that drive a cluster: its address, credentials, output and failures."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kmipd.cli.output import Failure, json_option, print_json
from kmipd.cluster.client import ElementClient, ElementFailure, Unreachable
from kmipd.cluster.errors import ClusterError

REFUSED, UNREACHABLE = 1, 8  # exit codes beside those of `kmipd --help`


_TARGET = (
    click.option("--target", envvar="KMIPD_CLUSTER_TARGET", required=True, help="https://HOST:PORT of the cluster."),
    click.option("--user", envvar="KMIPD_CLUSTER_USER", default="admin", show_default=True, help="Administrator."),
    click.option(
        "--password-file",
        envvar="KMIPD_CLUSTER_PASSWORD_FILE",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="File with the password; else the environment KMIPD_CLUSTER_PASSWORD.",
    ),
    click.option(
        "--ca",
        envvar="KMIPD_CLUSTER_CA",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="PEM that verifies the target; for our own cluster CDIR/tls/cert.pem.",
    ),
    click.option("--insecure", is_flag=True, help="Do not verify the target's certificate."),
)


class Session:
    """The cluster that a command talks to."""

    def __init__(self, client: ElementClient, user: str, password: str, as_json: bool) -> None:
        self.client, self.user, self.password, self.as_json = client, user, password, as_json

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.client.call(method, **params)

    def done(self, result: object, text: str) -> None:
        """JSON for scripts, a sentence for people."""
        if self.as_json:
            print_json(result)
        else:
            click.echo(text)


@contextmanager
def failures() -> Iterator[None]:
    try:
        yield
    except ElementFailure as error:
        raise Failure(str(error), REFUSED) from None
    except Unreachable as error:
        raise Failure(str(error), UNREACHABLE) from None
    except ClusterError as error:
        raise Failure(str(error), REFUSED) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Failure(f"the system refused{where}: {error.strerror or error}", REFUSED) from None


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text().rstrip("\r\n")
    password = os.environ.get("KMIPD_CLUSTER_PASSWORD")
    if password is None:
        raise click.UsageError("give the password with --password-file or in the environment KMIPD_CLUSTER_PASSWORD")
    return password


def driving(function: Callable[..., None]) -> Callable[..., None]:
    """A command that drives a cluster: takes a Session as its first argument, and gains the options above."""

    @functools.wraps(function)
    def command(
        target: str, user: str, password_file: Path | None, ca: Path | None, insecure: bool, as_json: bool, **rest: Any
    ) -> None:
        with failures():
            password = _password(password_file)
            client = ElementClient(target, user, password, ca=ca, verify=not insecure)
            function(Session(client, user, password, as_json), **rest)

    decorated: Callable[..., None] = command
    for option in (json_option, *reversed(_TARGET)):
        decorated = option(decorated)
    return decorated
