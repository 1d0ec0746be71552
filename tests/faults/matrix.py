"""The fault matrix: every kind of failure in every call, before and after its work, while eight clients are at work.

    python -m tests.faults.matrix [--verb VERB ...] [--table docs/faults.md]

In every cell the faulty module misbehaves for a while in all worker processes. Then it is healed, and the cell ends
when every client has lived through a whole life of a key again. Nobody restarts anything and no command is given, but
for one kind: a PIN that was refused is never tried again by itself, so the operator's word is given.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults import matrix_table
from tests.faults.customers import DONE, Customer, gather, what_is_wrong
from tests.faults.faulty import put_between
from tests.faults.matrix_cells import BOUND, FAILURES, RECOVERY, VERBS, Cell, Failure, Verb
from tests.support.server import Server
from tests.tokens.faults import Action, Faults, build, eventually

CUSTOMERS = 8
HOLD = 0.4  # seconds that the module misbehaves: hundreds of calls
ANSWER = 2.0  # the server's time-out for a request, in seconds
LAST_LINES = 60  # of the log, shown when something is wrong in the end
HANG = 4.5  # so that hung requests are answered, and their threads are counted


class Run:
    """A server, its clients, and one cell after the other."""

    def __init__(self, directory: Path, library: Path) -> None:
        self.server = Server.make(directory / "kmipd").configure("groups.wrapped", placement="wrapped")
        self.server.configure("limits", answer=ANSWER, drain_idle=0.2)
        self.faults: Faults = put_between(self.server, library)
        self.server.start(workers=2)
        self._stop = threading.Event()
        groups = ["wrapped" if number % 2 else f"resident-{number}" for number in range(CUSTOMERS)]
        self.customers = [Customer(self.server, self.server.enrol(group=group), self._stop) for group in groups]
        for customer in self.customers:
            customer.start()
        self._all_live(time.monotonic())

    def cell(self, verb: Verb, failure: Failure, *, after: bool) -> Cell:
        cell = Cell(verb, failure, after)
        before, log, since = set(self.server.workers()), self.server.log.stat().st_size, time.monotonic()
        self._misbehave(cell)
        cell.fired = self.faults.fired()
        self.faults.clear()
        healed = time.monotonic()
        if failure.kind == "PIN" and any(self._latches()):
            cell.operator = True
            for latch in self._latches():
                latch.unlink(missing_ok=True)
        if self._all_live(healed):
            cell.recovery = max(customer.lived for customer in self.customers) - healed
        eventually(lambda: len(self.server.workers()) == 2, 20)
        cell.replaced = len(before - set(self.server.workers()))
        answers = gather(self.customers, since)
        cell.answers = Counter(one.said for one in answers)
        cell.worst = max((one.seconds for one in answers), default=0.0)
        cell.told = self._told(cell, self.server.log.read_bytes()[log:].decode())
        return cell

    def _misbehave(self, cell: Cell) -> None:
        verb, failure = cell.verb, cell.failure
        self.faults.add(
            verb.function,
            failure.action,
            code=failure.code,
            seconds=failure.seconds,
            after=cell.after,
            count=failure.count,
        )
        if verb.sessions_lost:
            self.faults.add("*", Action.KILL_SESSIONS)
        eventually(lambda: self.faults.fired() > 0, 5)
        time.sleep(HANG if failure.action is Action.HANG else HOLD)

    def _told(self, cell: Cell, log: str) -> bool:
        """Whoever was refused for the token's sake finds the reason in the log."""
        if not any("key store" in said for said in cell.answers):
            return True
        words = {Action.HANG: "given up", Action.CRASH: "ended with", Action.SLOW: "key store"}
        return words.get(cell.failure.action, cell.failure.shown) in log

    def _latches(self) -> list[Path]:
        return list(self.server.directory.glob("*.pin-refused"))

    def _all_live(self, since: float) -> bool:
        """Every client begins a life after `since` and lives it to the end."""
        return eventually(lambda: all(customer.lived >= since for customer in self.customers), RECOVERY)

    def finish(self) -> list[str]:
        """End everything; what is lost, doubled or left over."""
        self._stop.set()
        try:
            wrong = [f"{c} never ended" for c in self.customers if not c.join(BOUND)]
            wrong += [problem for customer in self.customers for problem in customer.verify()]
        finally:
            self.server.kill()
        return wrong + what_is_wrong(self.server)

    def last_words(self) -> str:
        """The end of the server's log: the directory is about to go."""
        return "\n".join(self.server.log.read_text("utf-8").splitlines()[-LAST_LINES:])

    def totals(self) -> str:
        asked = sum(len(customer.answers) for customer in self.customers)
        made = sum(len(customer.keys) for customer in self.customers)
        gone = sum(len(customer.gone) for customer in self.customers)
        return f"{asked:,} requests; {made:,} keys acknowledged, {gone:,} of them destroyed again, {made - gone:,} kept"


def run(directory: Path, library: Path, pairs: Sequence[tuple[Verb, Failure]]) -> tuple[list[Cell], str]:
    """The cells of these, before and after, and what was done in all; AssertionError when something is wrong."""
    running = Run(directory, library)
    cells: list[Cell] = []
    try:
        for verb, failure in pairs:
            cells += [running.cell(verb, failure, after=after) for after in (False, True)]
            print(_line(cells[-2]), _line(cells[-1]), sep="\n", flush=True)
    finally:
        running.faults.clear()
        try:
            wrong = running.finish()
        except BaseException:
            print(running.last_words(), file=sys.stderr)
            raise
    wrong += [problem for cell in cells for problem in cell.problems()]
    assert wrong == [], "\n".join([*wrong, running.last_words()])
    return cells, running.totals()


def _line(cell: Cell) -> str:
    said = ", ".join(f"{count} x {said}" for said, count in cell.answers.items() if said != DONE)
    when = "after" if cell.after else "before"
    return (
        f"{cell.verb.name:12} {cell.failure.shown:28} {when:6} fired {cell.fired:4} failed {cell.failed:4} "
        f"worst {cell.worst:.2f} s, again after {cell.recovery:.2f} s, replaced {cell.replaced}  {said}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verb", action="append", choices=[verb.name for verb in VERBS], help="only these")
    parser.add_argument("--kind", action="append", choices=[one.kind for one in FAILURES], help="only these failures")
    parser.add_argument("--table", type=Path, help="write the result there, as Markdown")
    options = parser.parse_args()
    verbs = [verb for verb in VERBS if options.verb is None or verb.name in options.verb]
    failures = [one for one in FAILURES if options.kind is None or one.kind in options.kind]
    pairs = [(verb, failure) for verb in verbs for failure in failures]
    with tempfile.TemporaryDirectory(prefix="kmipd-faults-") as folder:
        cells, totals = run(Path(folder), build(Path(folder)), pairs)
    print(totals)
    if options.table is not None:
        options.table.write_text(matrix_table.table(cells, totals), "utf-8")


if __name__ == "__main__":
    main()
