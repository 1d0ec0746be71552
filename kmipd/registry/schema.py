"""Making and upgrading the schema with Alembic. The migrations are the only way a table comes to be."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, exc

from kmipd.registry.engine import RegistryError, open_engine


def upgrade(path: Path) -> None:
    """Bring the registry at `path` to the newest schema; makes the file (mode 0600) when there is none."""
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
            found = MigrationContext.configure(connection).get_current_revision()
            wanted = ScriptDirectory.from_config(_config(connection)).get_current_head()
    except exc.DatabaseError as error:
        raise RegistryError(f"the registry {path} cannot be read: {error.orig}; restore it from a backup") from None
    finally:
        engine.dispose()
    if found != wanted:
        raise RegistryError(
            f"the registry {path} has schema {found or 'none'}, this release needs {wanted}: "
            "back it up and run `kmipd upgrade`"
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
