"""Statements compiled once. SQLAlchemy writes the SQL from the declared tables; a request only binds values.

Measured: a statement executed through SQLAlchemy costs 25 to 150 µs in Python, the same text given to the driver 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.sql.expression import ClauseElement

from kmipd.registry.engine import Link


class Prepared:
    """One statement with named bind parameters, compiled on first use for the connection's dialect."""

    __slots__ = ("_constants", "_names", "_sql", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._sql = ""
        self._names: Sequence[str] = ()
        self._constants: Mapping[str, Any] = {}  # literals of the expression itself

    def run(self, link: Link, values: Mapping[str, Any]) -> Any:
        """The driver's cursor: rows are tuples in the order of the statement's columns."""
        if not self._sql:
            self._compile(link)
        return link.run(self._sql, self._bind(values))

    def run_many(self, link: Link, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of values in the order of the statement's parameters."""
        if not rows:
            return
        if not self._sql:
            self._compile(link)
        link.run_many(self._sql, rows)

    def _bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        constants = self._constants
        return tuple([values[n] if n in values else constants[n] for n in self._names])

    def _compile(self, link: Link) -> None:
        compiled = self._statement.compile(dialect=link.dialect)
        self._constants = {n: v for n, v in compiled.params.items() if v is not None}
        self._names = tuple(getattr(compiled, "positiontup", None) or ())
        self._sql = str(compiled)
