"""`kmipd store clone begin|finish`, `sync-key`, `sync-all`: several tokens with the same keys."""

from __future__ import annotations

from pathlib import Path

import click

from kmipd.cli.output import Failure, directory_option, json_option, print_json, print_table
from kmipd.cli.stores.options import administration
from kmipd.core.syncing import SyncRefused


@click.group()
def clone() -> None:
    """The ceremony that makes a token a clone: it comes by the transport key of its group.

    \b
      kmipd store disconnect main
      kmipd store add-member main second --module … --token-label … --pin-file …
      kmipd store clone begin main second                       # shows a fingerprint
      kmipd store clone finish main second --fingerprint …      # the operator confirms it
      kmipd store connect main
      kmipd store sync-all main --to second
    """


@clone.command()
@click.argument("name")
@click.argument("member")
@directory_option
@json_option
def begin(name: str, member: str, directory: Path, as_json: bool) -> None:
    """First step: the newcomer makes a key pair. Write its fingerprint down where nobody can change it."""
    with administration(directory) as stores:
        fingerprint = stores.cloning().begin(name, member)
    if as_json:
        print_json({"store": name, "member": member, "fingerprint": fingerprint})
    else:
        click.echo(f"the key of {member!r} has the fingerprint\n  {fingerprint}")


@clone.command()
@click.argument("name")
@click.argument("member")
@directory_option
@click.option("--fingerprint", required=True, help="What `clone begin` showed: you confirm that it is this key.")
@json_option
def finish(name: str, member: str, directory: Path, fingerprint: str, as_json: bool) -> None:
    """Second step: all tokens of the group get a new transport key, wrapped for the key that you confirm."""
    with administration(directory) as stores:
        value = stores.cloning().finish(name, member, fingerprint)
    if as_json:
        print_json({"store": name, "member": member, "check_value": value})
    else:
        click.echo(f"{member!r} is a clone of {name!r}; every token computes the check value {value}")


@click.command("sync-key")
@click.argument("uid")
@directory_option
@click.option("--to", "target", required=True, metavar="MEMBER", help="The member that shall have the key.")
@click.option("--from", "source", metavar="MEMBER", help="The member it comes from; by default any that has it.")
@click.option("--as", "client", metavar="CLIENT", help="On behalf of this client: operators any key, others their own.")
@json_option
def sync_key(uid: str, directory: Path, target: str, source: str | None, client: str | None, as_json: bool) -> None:
    """Copy a key to another member of its group, and prove the copy equal by a check value computed in both."""
    with administration(directory) as stores:
        try:
            done = stores.syncing().key(uid, target, source, stores.principal(client))
        except SyncRefused as error:
            if as_json:
                print_json({"uid": uid, "refusal": error.refusal.name, "remedy": error.refusal.remedy})
            raise Failure(f"{error.refusal.name}: {error}", 1) from None
    if as_json:
        found = {"source": done.source, "target": done.target, "check_value": done.check_value, "copied": done.copied}
        print_json({"uid": uid} | found)
        return
    what = "is copied to" if done.copied else "was already in"
    click.echo(f"{uid} {what} {done.target!r}; {done.source!r} and it compute the check value {done.check_value}")


@click.command("sync-all")
@click.argument("name")
@directory_option
@click.option("--to", "target", required=True, metavar="MEMBER", help="The member that shall have the keys.")
@json_option
def sync_all(name: str, directory: Path, target: str, as_json: bool) -> None:
    """Copy every key that a member lacks; seal anew what is sealed under a key that it does not have.

    Exit code 1 when some were refused.
    """
    with administration(directory) as stores:
        counts, refused = stores.syncing().all(name, target)
    if as_json:
        print_json({"counts": dict(counts), "refused": [{"uid": uid, "why": why} for uid, why in refused]})
    else:
        print_table(("outcome", "keys"), sorted(counts.items()), "there are no keys")
        if refused:
            print_table(("refused", "why"), refused, "")
    if refused:
        raise Failure(f"{len(refused)} keys were refused", 1)


COMMANDS = (clone, sync_key, sync_all)
