"""The fault matrix as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tests.faults.customers import DONE
from tests.faults.matrix_cells import BOUND, Cell

_HEAD = """\
# Faults

Written by `make faults`; a selection of it is in every test run. A faulty PKCS#11 module stands between two workers of
kmipd and SoftHSM2, while eight clients make, use and destroy keys all the time (four keep them resident in the token,
four wrapped). In every cell the module misbehaves in all processes for 0.4 s (a hung call: 4.5 s), *before* the real
call, so that it does not happen, or *after* it, so that it happens and the reply is lost. Then it is healed. Nobody
restarts anything.

Each cell says: requests that failed of all that were made, the longest answer in seconds, and the seconds from the
healing until the last of the eight clients had a whole life of a key behind it again. `+n` are worker processes that
were replaced. What clients were told is the most frequent answer to a failed request; wherever that was "not
available", the log names the failure. A PIN that was refused is not tried again before the operator says so (the row
*PIN* of *login*): there, he does. The time-out for a request was 2 s instead of 20.

The verbs: *generate* is C_GenerateKey (Create), *wrap* is C_WrapKey (Get of a resident key), *unwrap* is the opening of
a wrapped key (C_DecryptInit), *encrypt*, *decrypt* and *sign* are C_Encrypt, C_Decrypt and C_Sign, *find* is
C_FindObjects, *destroy* is C_DestroyObject, *login* is C_Login and *open session* is C_OpenSession, both after all
sessions were lost.
"""
_COLUMNS = ("failure", "kind", "before", "after", "clients were told")


def table(cells: Sequence[Cell], totals: str) -> str:
    """Markdown: one table a verb, before and after side by side."""
    lines = [_HEAD, f"In all: {totals}.", _summary(cells)]
    for verb, group in groupby(cells, key=lambda cell: cell.verb):
        lines += [
            "",
            f"## {verb.name}",
            "",
            "| failure | kind | before | after | clients were told |",
            "| --- " * 5 + "|",
        ]
        found = list(group)
        lines += [_row(*pair) for pair in zip(found[::2], found[1::2], strict=True)]
    return "\n".join(lines) + "\n"


def _summary(cells: Sequence[Cell]) -> str:
    failed, asked = sum(cell.failed for cell in cells), sum(sum(cell.answers.values()) for cell in cells)
    return (
        f"{len(cells)} cells, {failed:,} of {asked:,} requests in them failed, the longest answer took "
        f"{max(cell.worst for cell in cells):.1f} s (bound {BOUND:.0f}), the longest recovery "
        f"{max(cell.recovery for cell in cells):.1f} s; no crash of the server, no stuck request, no key lost, none "
        "doubled, no orphan in the token."
    )


def _row(before: Cell, after: Cell) -> str:
    said = [(one, count) for cell in (before, after) for one, count in cell.answers.items() if one != DONE]
    told = max(said, key=lambda pair: pair[1])[0] if said else "nothing failed"
    if told.startswith("the stored material"):
        told = "the stored material is not what was sealed"
    kind = "" if before.failure.shown == before.failure.kind else before.failure.kind
    return _cells(before.failure.shown, kind, _cell(before), _cell(after), told)


def _cells(*texts: str) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(cell: Cell) -> str:
    asked = sum(cell.answers.values())
    replaced = f" +{cell.replaced}" if cell.replaced else ""
    return f"{cell.failed} of {asked}, {cell.worst:.1f}, {cell.recovery:.1f}{replaced}"
