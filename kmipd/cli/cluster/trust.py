"""The cluster's key pair and its certificate signing request."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd.cli.cluster.driving import Session, driving


@click.command("create-key-pair")
@driving
@click.option("--common-name")
@click.option("--organization")
@click.option("--organizational-unit")
@click.option("--locality")
@click.option("--state")
@click.option("--country", help="Two letters.")
@click.option("--email-address")
def create_key_pair(session: Session, **subject: str | None) -> None:
    """Make the key pair with which the cluster proves who it is; replaces one that is not in use."""
    names = {_camel(name): value for name, value in subject.items()}
    session.done(
        session.call("CreatePublicPrivateKeyPair", **names), "made; `kmipd cluster csr` asks for its certificate"
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


@click.command()
@driving
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; standard output without.")
def csr(session: Session, out: Path | None) -> None:
    """Get the certificate signing request; again, with the same key, to renew the certificate."""
    found = session.call("GetClientCertificateSignRequest")
    if out is None:
        session.done(found, found["clientCertificateSignRequest"].rstrip("\n"))
        return
    out.write_text(found["clientCertificateSignRequest"])
    session.done(found, f"wrote {out}; have it signed: kmipd client sign NAME --csr {out} --dir DIR --out NAME/")


COMMANDS = (create_key_pair, csr)
