"""`kmipd`: the groups of commands, and the ones that make and run a server."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import click

from kmipd import __version__, administration, inspection, server_certificate, serving
from kmipd.cli.bench import bench
from kmipd.cli.clients import client
from kmipd.cli.cluster import cluster
from kmipd.cli.demo import demo
from kmipd.cli.keys import key
from kmipd.cli.output import Failure, directory_option, failures, json_option, print_json, print_table, settings_of
from kmipd.cli.processes import connect_command, prepare_command, worker_command
from kmipd.cli.stores import store
from kmipd.registry import schema
from kmipd.trust.authority import KeyType

# Where nobody has set up a log, as in most commands, what is wrong with a token is said by the error, once.
logging.getLogger("kmipd_pkcs11").addHandler(logging.NullHandler())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kmipd")
def main() -> None:
    """An external key server: KMIP over mutual TLS, keys in a PKCS#11 token.

    \b
    A server in three commands:
      kmipd init --dir /srv/kmipd --host keys.example.com
      kmipd serve --dir /srv/kmipd
      kmipd client add array1 --dir /srv/kmipd --out array1/

    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 settings, 4 token, 5 registry, 6 certificates, 7 port in use,
    8 the cluster cannot be reached or trusted.
    """


@main.command()
@directory_option
@click.option("--host", "hosts", multiple=True, help="A name or address clients will use; may be repeated.")
@click.option("--port", default=5696, show_default=True, type=click.IntRange(0, 65535), help="The port to serve.")
@click.option("--module", type=click.Path(path_type=Path), help="PKCS#11 module of your HSM; SoftHSM2 without it.")
@click.option("--token-label", default="kmipd", show_default=True, help="Label of the token.")
@click.option("--pin-file", type=click.Path(path_type=Path), help="File with the user PIN; needed with --module.")
@click.option("--key-type", type=click.Choice(["rsa", "ec"]), default="rsa", show_default=True, help="Of certificates.")
def init(
    directory: Path,
    hosts: tuple[str, ...],
    port: int,
    module: Path | None,
    token_label: str,
    pin_file: Path | None,
    key_type: KeyType,
) -> None:
    """Make a server: token, authority, server certificate, registry and settings.

    Asks nothing and overwrites nothing. Without --module it makes a SoftHSM2 token of its own in the directory; with
    it, the token must be initialised and its user PIN set.
    """
    options = administration.InitOptions(
        directory=directory,
        hosts=hosts,
        port=port,
        module=module,
        token_label=token_label,
        pin_file=pin_file,
        key_type=key_type,
    )
    with failures():
        administration.initialise(options, click.echo)
    click.echo(f"ready: start it with `kmipd serve --dir {directory}`")


@main.command()
@directory_option
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes; kmipd.toml says otherwise.")
def serve(directory: Path, workers: int | None) -> None:
    """Serve KMIP in the foreground until SIGTERM.

    Says when it is ready. SIGHUP reads certificates, authorities and revocation lists again. SIGTERM finishes open
    requests first.
    """
    with failures():
        settings = settings_of(directory)
        serving.configure_logging(settings.server.log_level)
        count = workers or settings.server.workers

        def ready(addresses: Sequence[str]) -> None:
            plural = "worker" if count == 1 else "workers"
            click.echo(f"kmipd {__version__} is ready: KMIP on {' and '.join(addresses)}, {count} {plural}")

        try:
            code = serving.serve(settings, count, ready)
        except serving.AlreadyServedError as error:
            raise Failure(str(error), 7) from None
    raise SystemExit(code)


@main.command()
@directory_option
@json_option
def status(directory: Path, as_json: bool) -> None:
    """Is the server up, does its token answer, what does it hold? Exit code 1 when something is wrong."""
    with failures():
        found = inspection.status(settings_of(directory))
    if as_json:
        print_json(found)
    else:
        server, token, objects = found["server"], found["store"], found["objects"]
        rows = [
            ("server", "up" if server["listening"] else "down", f"{server['host']}:{server['port']}"),
            ("token", "up" if token["up"] else "down", token.get("token_label") or token["reason"]),
            *((f"store {one['name']}", one["state"], one["trouble"] or one["health"]) for one in found["other_stores"]),
            ("keys", sum(objects.values()), ", ".join(f"{n} {kind}" for kind, n in sorted(objects.items()))),
            ("unfinished", found["destroys_pending"] + found["intents"], "destroys and intents that wait"),
            ("certificate", found["server_certificate_days_left"], "days left"),
        ]
        print_table(("what", "state", "detail"), rows, "")
    if not found["ok"]:
        raise SystemExit(1)


@main.command()
@directory_option
@json_option
def doctor(directory: Path, as_json: bool) -> None:
    """Look at everything a server needs and say what to do about what is wrong."""
    with failures():
        checks = inspection.doctor(settings_of(directory))
    if as_json:
        print_json([{"name": c.name, "ok": c.ok, "detail": c.detail, "remedy": c.remedy} for c in checks])
    else:
        rows = [(c.name, "ok" if c.ok else "WRONG", c.detail, "" if c.ok else c.remedy) for c in checks]
        print_table(("check", "result", "detail", "remedy"), rows, "")
    wrong = sum(not c.ok for c in checks)
    if wrong:
        raise Failure(f"{wrong} of {len(checks)} checks found something", 1)


@main.command()
@directory_option
@click.option("--host", "hosts", multiple=True, help="A name or address clients use; without it, those it has now.")
def renew(directory: Path, hosts: tuple[str, ...]) -> None:
    """Renew the server's certificate, with a new key. Clients notice nothing: they trust the authority.

    A running server takes it with SIGHUP (systemctl reload kmipd). The certificate of a client is renewed with
    `kmipd client sign`.
    """
    with failures():
        issued = server_certificate.renew(settings_of(directory), hosts)
    names = ", ".join(server_certificate.names(issued))
    click.echo(f"good until {issued.not_valid_after_utc:%Y-%m-%d}, for {names}; send SIGHUP to a running kmipd")


@main.command()
@directory_option
def upgrade(directory: Path) -> None:
    """Bring the registry to the schema of this release. Stop the server and make a backup first."""
    with failures():
        settings = settings_of(directory)
        schema.upgrade(settings.registry)
    click.echo(f"{settings.registry} has the schema of kmipd {__version__}")


for command in (client, key, store, cluster, demo, bench, connect_command, prepare_command, worker_command):
    main.add_command(command)
