"""Writers of the audit and of the outbox: every change of state leaves both, in its own transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.bulk import insert_rows
from app.core.db import Entry, clock_of, ids_of
from app.models.machinery import AuditEntry, OutboxEvent


@dataclass(frozen=True, slots=True)
class Resource:
    """What an act is about, with the subjects by which a wall would hide its trace."""

    kind: str
    id: UUID | None
    region_code: str | None = None
    organisation_id: UUID | None = None
    project_id: UUID | None = None
    case_id: UUID | None = None

    def subjects(self) -> dict[str, Any]:
        return {
            "region_code": self.region_code,
            "organisation_id": self.organisation_id,
            "project_id": self.project_id,
            "case_id": self.case_id,
        }


async def record(
    session: AsyncSession,
    action: str,
    resource: Resource,
    *,
    changes: Mapping[str, Any] | None = None,
    reason: str | None = None,
    event: bool = True,
) -> None:
    """Write that the session's principal did `action` (`plans.submit`), and the thin event that tells of it.

    `changes`: dossier values before and after, JSON-ready. Inserts ask for nothing back: the caller's
    policies decide what it may read, not what must be recorded.
    """
    await audit(session, action, resource, outcome="done", changes=changes, reason=reason)
    if event and resource.id is not None:
        await session.execute(
            insert(OutboxEvent).values(
                id=ids_of(session).random(),
                occurred_at=clock_of(session).now(),
                type=action,
                resource_kind=resource.kind,
                resource_id=resource.id,
                **resource.subjects(),
            )
        )


async def record_each(session: AsyncSession, action: str, resources: Sequence[Resource]) -> None:
    """`record` for many resources at once: two statements, whatever the count."""
    entry: Entry | None = session.info.get("entry")
    ids, now = ids_of(session), clock_of(session).now()
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    about = [{"occurred_at": now, "resource_kind": r.kind, "resource_id": r.id, **r.subjects()} for r in resources]
    deed = {
        "request_id": request_id,
        "actor_kind": entry.kind if entry else "system",
        "actor_id": entry.principal if entry else None,
        "action": action,
        "outcome": "done",
        "changes": {},
    }
    await insert_rows(session, AuditEntry, [{"id": ids.random(), **deed, **subject} for subject in about])
    await insert_rows(session, OutboxEvent, [{"id": ids.random(), "type": action, **subject} for subject in about])


async def record_set(session: AsyncSession, action: str, kind: str, rows: str, *, event: bool = True) -> None:
    """`record` for every row of a query, without fetching one: two statements, whatever the count.

    `rows` is SQL of the house that gives `id, region_code, organisation_id, project_id`.
    """
    entry: Entry | None = session.info.get("entry")
    told = {
        "now": clock_of(session).now(),
        "action": action,
        "kind": kind,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        "actor_kind": entry.kind if entry else "system",
        "actor": entry.principal if entry else None,
    }
    await session.execute(text(_AUDIT_SET.format(rows=rows)), told)
    if event:
        await session.execute(text(_EVENT_SET.format(rows=rows)), told)


_AUDIT_SET = """INSERT INTO audit_entries (id, occurred_at, request_id, actor_kind, actor_id, action, outcome,
    resource_kind, resource_id, region_code, organisation_id, project_id, changes)
SELECT gen_random_uuid(), CAST(:now AS timestamptz), CAST(:request_id AS text), CAST(:actor_kind AS text),
    CAST(:actor AS uuid), CAST(:action AS text), 'done', CAST(:kind AS text), r.id, r.region_code, r.organisation_id,
    r.project_id, '{{}}' FROM ({rows}) AS r"""
_EVENT_SET = """INSERT INTO outbox_events (id, occurred_at, type, resource_kind, resource_id, region_code,
    organisation_id, project_id)
SELECT gen_random_uuid(), CAST(:now AS timestamptz), CAST(:action AS text), CAST(:kind AS text), r.id, r.region_code,
    r.organisation_id, r.project_id FROM ({rows}) AS r"""


async def audit(
    session: AsyncSession,
    action: str,
    resource: Resource,
    *,
    outcome: str,
    changes: Mapping[str, Any] | None = None,
    reason: str | None = None,
    actor: Entry | None = None,
) -> None:
    """Write one audit entry; `actor` only where the transaction does not speak for who acted."""
    entry: Entry | None = actor or session.info.get("entry")
    await session.execute(
        insert(AuditEntry).values(
            id=ids_of(session).random(),
            occurred_at=clock_of(session).now(),
            request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
            actor_kind=entry.kind if entry else "system",
            actor_id=entry.principal if entry else None,
            action=action,
            outcome=outcome,
            reason=reason,
            resource_kind=resource.kind,
            resource_id=resource.id,
            changes=dict(changes or {}),
            **resource.subjects(),
        )
    )
