"""`kmipd cluster volume`: data that proves a rekey right. Our own methods; a real cluster has none like them."""

from __future__ import annotations

import base64
import sys
from contextlib import nullcontext
from pathlib import Path

import click

from kmipd.cli.cluster.driving import Session, driving
from kmipd.cli.output import print_json, print_table

_CHUNK = 512 * 1024  # bytes per request; the cluster takes at most 1 MiB


@click.group()
def volume() -> None:
    """Encrypted volumes of our own cluster (not part of the Element API)."""


@volume.command()
@driving
@click.argument("name")
@click.option("--size", type=click.IntRange(1), required=True, help="Bytes; rounded up to blocks of 4096.")
def create(session: Session, name: str, size: int) -> None:
    """Create the volume NAME."""
    found = session.call("KmipdCreateVolume", name=name, totalSize=size)["volume"]
    session.done(found, f"volume {found['volumeID']} of {found['totalSize']} bytes")


@volume.command("list")
@driving
def list_volumes(session: Session) -> None:
    """List volumes."""
    found = session.call("KmipdListVolumes")["volumes"]
    if session.as_json:
        print_json(found)
    else:
        rows = [(v["volumeID"], v["name"], v["totalSize"], v["createTime"]) for v in found]
        print_table(("id", "name", "bytes", "created"), rows, "no volumes")


@volume.command()
@driving
@click.argument("number", type=int)
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--in", "source", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Standard input without."
)
def write(session: Session, number: int, offset: int, source: Path | None) -> None:
    """Write a file, or standard input, to volume NUMBER."""
    total = 0
    with source.open("rb") if source else nullcontext(sys.stdin.buffer) as file:
        while piece := file.read(_CHUNK):
            data = base64.b64encode(piece).decode("ascii")
            session.call("KmipdWriteVolume", volumeID=number, offset=offset + total, data=data)
            total += len(piece)
    session.done({"written": total}, f"wrote {total} bytes")


@volume.command()
@driving
@click.argument("number", type=int)
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True)
@click.option("--length", type=click.IntRange(1), required=True, help="Bytes.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Standard output without.")
def read(session: Session, number: int, offset: int, length: int, out: Path | None) -> None:
    """Read bytes of volume NUMBER, as they are."""
    with out.open("wb") if out else nullcontext(sys.stdout.buffer) as file:
        for start in range(0, length, _CHUNK):
            size = min(_CHUNK, length - start)
            found = session.call("KmipdReadVolume", volumeID=number, offset=offset + start, length=size)
            file.write(base64.b64decode(found["data"]))


@volume.command()
@driving
@click.argument("number", type=int)
def delete(session: Session, number: int) -> None:
    """Delete volume NUMBER and its data key."""
    session.done(session.call("KmipdDeleteVolume", volumeID=number), f"volume {number} is deleted")
