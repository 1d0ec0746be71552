"""The table of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table


@dataclass
class Row:
    """Rates per second, percentiles and CPU in µs."""

    name: str
    connections: int
    rate: float
    p50: float
    p99: float
    cpu: float
    peer_rate: float = 0.0
    peer_cpu: float = 0.0

    @property
    def ratio(self) -> float:
        return self.rate / self.peer_rate

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"ratio": self.ratio}


def make_table(rows: list[Row]) -> Table:
    table = Table(title="kmipd beside PyKMIP 0.11, same run, same certificates", title_justify="left", box=None)
    headings = ("operation", "connections", "per second", "p50 µs", "p99 µs", "CPU µs", "PyKMIP", "its CPU µs", "ratio")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(
            row.name,
            str(row.connections),
            f"{row.rate:,.0f}",
            f"{row.p50:,.0f}",
            f"{row.p99:,.0f}",
            f"{row.cpu:,.0f}",
            f"{row.peer_rate:,.0f}",
            f"{row.peer_cpu:,.0f}",
            f"{row.ratio:.1f} x",
        )
    return table
