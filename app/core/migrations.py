"""Migrations, run from the product's own code: `python -m app migrate`, `make run`, the tests."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.config import Settings

ROOT = Path(__file__).resolve().parents[2]


class UnsuitableDatabaseError(Exception):
    """The database's locale would break Chinese text."""


async def migrate(settings: Settings, revision: str = "head") -> None:
    """Bring the database to `revision` as the owner. Refuses a database whose LC_CTYPE is C."""
    engine = create_async_engine(settings.owner_url)
    try:
        async with engine.connect() as connection:
            ctype = await connection.scalar(text("SELECT datctype FROM pg_database WHERE datname = current_database()"))
            if ctype in {"C", "POSIX"}:
                raise UnsuitableDatabaseError(f"the database has LC_CTYPE {ctype}; make it with C.UTF-8")
        async with engine.connect() as connection:
            await connection.run_sync(_run, revision)
    finally:
        await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["connection"] = connection
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
