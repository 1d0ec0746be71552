"""Making and upgrading the schema with Alembic. The migrations are the only way a table comes to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, exc, inspect, text

from kmipd.registry.engine import RegistryError, open_engine

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST: Final = "0007"  # the last of migrations/versions


def upgrade(path: Path) -> None:
    """Bring the registry at `path` to the newest schema; makes the file (mode 0600) when there is none."""
    from alembic import command  # a tenth of the start of every command, and only this one needs it

    if not path.exists():
        path.touch(mode=0o600)
    engine = open_engine(path)
    try:
        with engine.connect() as connection:
            command.upgrade(_config(connection), "head")
    finally:
        engine.dispose()


def require_current(path: Path) -> None:
    """Raise `RegistryError` unless the file exists and has the schema of this release."""
    if not path.exists():
        raise RegistryError(f"there is no registry at {path}: run `kmipd init`, or restore it from a backup")
    engine = open_engine(path)
    try:
        with engine.connect() as connection:
            found = _revision(connection)
    except exc.OperationalError as error:  # it may well be whole: what a backup would replace is not the cause
        raise RegistryError(
            f"the registry {path} cannot be read: {error.orig}; see that its disk has room and can be written to"
        ) from None
    except exc.DatabaseError as error:
        raise RegistryError(f"the registry {path} cannot be read: {error.orig}; restore it from a backup") from None
    finally:
        engine.dispose()
    if found != NEWEST:
        raise RegistryError(
            f"the registry {path} has schema {found or 'none'}, this release needs {NEWEST}: "
            "back it up and run `kmipd upgrade`"
        )


def _revision(connection: Connection) -> str:
    """As Alembic notes it; empty when it was never here."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
