"""`kmipd cluster serve`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from kmipd.cli.cluster.driving import failures


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or not host.strip("[]"):
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--listen")
    return host.strip("[]"), int(port)


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    envvar="KMIPD_CLUSTER_DIR",
    required=True,
    help="The cluster's own directory.",
)
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="HOST:PORT; port 0 takes a free one.")
@click.option("--servers-per-provider", type=click.IntRange(1, 4), default=1, show_default=True)
@click.option(
    "--csr-version", type=click.IntRange(0, 2), default=0, show_default=True, help="2 is what real ones send."
)
@click.option("--no-verify-hostname", is_flag=True, help="Accept a key server whose certificate names another host.")
@click.option("--fault-interval", type=click.FloatRange(0.1, 3600), default=30.0, show_default=True, help="Seconds.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
def serve(
    directory: Path,
    listen: str,
    servers_per_provider: int,
    csr_version: int,
    no_verify_hostname: bool,
    fault_interval: float,
    log_level: str,
) -> None:
    """Serve a cluster in the foreground until SIGTERM; makes its directory when there is none.

    What a crash or a restart interrupted goes on by itself. The endpoint's certificate is CDIR/tls/cert.pem, made at
    the first start unless you put cert.pem and key.pem there.
    """
    # Here and not above: every other `kmipd` command, and every worker, would load PyKMIP and SQLAlchemy with it.
    from kmipd.cluster import serving
    from kmipd.cluster.settings import KmipSettings, Settings

    host, port = _address(listen)
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    settings = Settings(
        directory=directory,
        kmip=KmipSettings(verify_hostname=not no_verify_hostname),
        servers_per_provider=servers_per_provider,
        csr_version=csr_version,
        fault_interval=fault_interval,
    )

    def ready(bound: int, certificate: Path) -> None:
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"the cluster is ready: https://{shown}:{bound} verified by {certificate}")

    with failures():
        serving.serve(settings, host, port, ready)
