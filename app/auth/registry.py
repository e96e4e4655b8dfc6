"""Making people, accounts, grants and clients from the command line: the worker's role, every act audited.

The routes do the same for administrators; the first administrators can only come from here.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import passwords
from app.auth.scopes import CLIENT_SCOPES
from app.core.audit import Resource, audit
from app.core.db import clock_of, ids_of
from app.models.identity import (
    Account,
    Client,
    ClientSecret,
    Credential,
    Grant,
    GrantState,
    Person,
    Principal,
    Role,
)


async def lock(session: AsyncSession, principal: UUID) -> None:
    """What `gate.enter_exclusive` takes for a request: changes of a principal are made alone."""
    await session.execute(text("SELECT pg_advisory_xact_lock(gate.lock_key(CAST(:id AS uuid)))"), {"id": principal})


async def add_person(session: AsyncSession, name: str, *, person_id: UUID | None = None) -> Person:
    person_id = person_id or ids_of(session).random()
    await lock(session, person_id)
    session.add(Principal(id=person_id, kind="person", disabled_at=None))
    await session.flush()
    person = Person(id=person_id, name=name)
    session.add(person)
    await session.flush()
    await audit(session, "people.create", Resource("person", person_id), outcome="done")
    return person


async def add_account(
    session: AsyncSession, person: UUID, username: str, hashed: str, *, is_demo: bool = False
) -> None:
    """`hashed`: an argon2 digest (`passwords.hash_password`)."""
    now = clock_of(session).now()
    session.add(Account(person_id=person, username=username, is_demo=is_demo, disabled_at=None))
    await session.flush()
    session.add(Credential(person_id=person, password_hash=hashed, locked_until=None, changed_at=now))
    await session.flush()
    await audit(session, "accounts.create", Resource("person", person), outcome="done")


async def add_grant(
    session: AsyncSession,
    person: UUID,
    role: Role,
    *,
    region_code: str | None = None,
    organisation_id: UUID | None = None,
) -> Grant:
    """A grant by the operator, in force at once."""
    await lock(session, person)
    now = clock_of(session).now()
    grant = Grant(
        id=ids_of(session).random(),
        person_id=person,
        role=role,
        region_code=region_code,
        organisation_id=organisation_id,
        state=GrantState.ACTIVE,
        granted_by=None,
        granted_at=now,
        confirmed_by=None,
        confirmed_at=None,
        ended_by=None,
        ended_at=None,
        reason=None,
    )
    session.add(grant)
    await session.flush()
    await audit(session, "grants.create", Resource("person", person), outcome="done", changes={"role": role})
    return grant


async def add_client(
    session: AsyncSession,
    client_id: str,
    *,
    name: str,
    organisation_id: UUID,
    source_system: str,
    regions: Sequence[str],
    secret: str,
    is_demo: bool = False,
    principal_id: UUID | None = None,
) -> Client:
    """Register another system by the operator, in effect at once. Only the digest of `secret` is kept."""
    principal_id = principal_id or ids_of(session).random()
    await lock(session, principal_id)
    now: datetime = clock_of(session).now()
    session.add(Principal(id=principal_id, kind="client", disabled_at=None))
    await session.flush()
    client = Client(
        id=principal_id,
        client_id=client_id,
        name=name,
        organisation_id=organisation_id,
        source_system=source_system,
        scopes=sorted(CLIENT_SCOPES),
        regions=sorted(regions),
        requested_scopes=sorted(CLIENT_SCOPES),
        requested_regions=sorted(regions),
        requested_by=None,
        requested_at=now,
        confirmed_by=None,
        confirmed_at=None,
        disabled_at=None,
        reads_limit=None,
        writes_limit=None,
        pushes_limit=None,
        is_demo=is_demo,
    )
    session.add(client)
    await session.flush()
    session.add(
        ClientSecret(
            id=ids_of(session).random(),
            client_id=principal_id,
            digest=passwords.secret_digest(secret),
            created_at=now,
            revoked_at=None,
        )
    )
    await session.flush()
    await audit(session, "clients.create", Resource("client", principal_id), outcome="done")
    return client
