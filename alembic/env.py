"""Migrates as the owner role, one at a time, with a lock timeout so that a busy table is not held up."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.config import settings
from app.models import metadata

# Any constant will do: it keeps two migrating machines apart.
_MIGRATION_LOCK = 7_204_811_002


def run_migrations(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
    connection.execute(text("SET lock_timeout = '10s'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, include_object=_include_object)
    with context.begin_transaction():
        context.run_migrations()


def _include_object(_object: object, name: str | None, kind: str, *_: object) -> bool:
    # The yearly partitions of the audit belong to their parent.
    return not (kind == "table" and name is not None and name.startswith("audit_entries_"))


async def run_online() -> None:
    engine = create_async_engine(settings().owner_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run_migrations)
    await engine.dispose()


connection = context.config.attributes.get("connection")
if connection is not None:
    run_migrations(connection)
else:
    asyncio.run(run_online())
