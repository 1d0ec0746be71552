"""`kmipd bench`: load for any KMIP server."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd.cli.output import Failure, json_option, print_json, print_table
from kmipd.load import measure
from kmipd.load.client import LoadError, Target
from kmipd.load.scenarios import SCENARIOS
from kmipd.protocol import Encoding
from kmipd.spec.versions import VERSIONS, Version

_VERSIONS = {f"{v.major}.{v.minor}": v for v in VERSIONS if v < Version(2, 0)}
_ENCODINGS = {encoding.name.lower(): encoding for encoding in Encoding}


@click.command()
@click.option("--host", required=True, help="The KMIP server; this loads it, so ask whoever owns it first.")
@click.option("--port", default=5696, show_default=True, type=click.IntRange(1, 65535))
@click.option("--cert", type=click.Path(path_type=Path, exists=True), required=True, help="Client certificate, PEM.")
@click.option("--key", type=click.Path(path_type=Path, exists=True), required=True, help="Its private key, PEM.")
@click.option("--ca", type=click.Path(path_type=Path, exists=True), help="Root of the server; unchecked without it.")
@click.option("--operation", "operations", type=click.Choice(sorted(SCENARIOS)), multiple=True, help="May be repeated.")
@click.option("--connections", default="1,4,16", show_default=True, help="How many at once, separated by commas.")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600), help="For each row.")
@click.option("--kmip", type=click.Choice(sorted(_VERSIONS)), default="1.4", show_default=True, help="KMIP version.")
@click.option("--https", type=click.Choice(sorted(_ENCODINGS)), help="By HTTPS in this encoding, not by TLS socket.")
@json_option
def bench(
    host: str,
    port: int,
    cert: Path,
    key: Path,
    ca: Path | None,
    operations: tuple[str, ...],
    connections: str,
    seconds: float,
    kmip: str,
    https: str | None,
    as_json: bool,
) -> None:
    """Measure a KMIP server, ours or another's: requests a second, median and 99th percentile.

    It makes AES-256 keys there and leaves them; use a client of its own, whose keys you can destroy.
    """
    try:
        counts = [int(part) for part in connections.split(",")]
    except ValueError:
        raise click.BadParameter("whole numbers separated by commas", param_hint="--connections") from None
    encoding = None if https is None else _ENCODINGS[https]
    target = Target(host=host, port=port, certificate=cert, key=key, ca=ca, version=_VERSIONS[kmip], https=encoding)
    results = []
    try:
        for operation in operations or sorted(SCENARIOS):
            results += [measure.run(target, operation, count, seconds) for count in counts]
    except (LoadError, OSError) as error:
        raise Failure(f"{host}:{port}: {error}", 1) from None
    if as_json:
        print_json([{name: getattr(r, name) for name in (*r.__slots__, "rate")} for r in results])
        return
    rows = [(r.operation, r.connections, f"{r.rate:,.0f}", f"{r.p50:,.0f}", f"{r.p99:,.0f}") for r in results]
    print_table(("operation", "connections", "per second", "p50 µs", "p99 µs"), rows, "")
