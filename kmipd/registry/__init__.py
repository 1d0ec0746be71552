"""What is remembered: SQLAlchemy Core tables, units of work, migrations. SQLite with full synchronous commits."""

from kmipd.registry.registry import Registry

__all__ = ["Registry"]
