"""Granting, confirming and ending roles. The triggers raise the person's `rev`: old tokens stop at once."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason
from app.directory.people.accounts.repository import identity_key
from app.directory.people.grants import repository, rules
from app.directory.people.grants.schemas import GrantIn
from app.models.identity import Grant, GrantState, Role

CONSTRAINT_REASONS["uq_grants_live"] = Reason("grant_exists", "该人员已有此角色", "The person holds this role already")


async def grant(session: AsyncSession, person_id: UUID, body: GrantIn, *, granter: UUID) -> Grant:
    """Raises `Invalid` for a wrong binding, `Conflict` with the rule that forbids it."""
    await _check_binding(session, body)
    await _check_rules(session, person_id, body.role)
    made = Grant(
        id=ids_of(session).random(),
        person_id=person_id,
        role=body.role,
        region_code=body.region_code,
        organisation_id=body.organisation_id,
        state=GrantState.AWAITING_SECOND if rules.needs_second(body.role) else GrantState.ACTIVE,
        granted_by=granter,
        granted_at=clock_of(session).now(),
        confirmed_by=None,
        confirmed_at=None,
        ended_by=None,
        ended_at=None,
        reason=body.reason,
        end_reason=None,
    )
    session.add(made)
    await session.flush()
    await _record(session, "grants.create", made, body.reason)
    return made


async def confirm(session: AsyncSession, found: Grant, *, confirmer: UUID) -> Grant:
    """The rules hold still: what was added since the grant counts. Raises `Conflict` where one does not."""
    await _check_rules(session, found.person_id, Role(found.role))
    found.state = GrantState.ACTIVE
    found.confirmed_by = confirmer
    found.confirmed_at = clock_of(session).now()
    await session.flush()
    await _record(session, "grants.confirm", found, None)
    return found


async def end(session: AsyncSession, found: Grant, *, ender: UUID, reason: str) -> Grant:
    found.state = GrantState.ENDED
    found.ended_by = ender
    found.ended_at = clock_of(session).now()
    found.end_reason = reason
    await session.flush()
    await _record(session, "grants.end", found, reason)
    return found


async def _check_binding(session: AsyncSession, body: GrantIn) -> None:
    faults = rules.binding_faults(body.role, body.region_code, body.organisation_id)
    if faults:
        raise Invalid(*(FieldError(pointer, code) for pointer, code in faults))
    if body.region_code is not None and not await repository.is_assessed_region(session, body.region_code):
        raise Invalid(FieldError("/region_code", "unknown_reference"))
    if body.organisation_id is not None and not await repository.is_organisation(session, body.organisation_id):
        raise Invalid(FieldError("/organisation_id", "unknown_reference"))


async def _check_rules(session: AsyncSession, person_id: UUID, role: Role) -> None:
    held = await repository.held(session, person_id)
    verified = await identity_key(session, person_id) is not None
    if refusal := rules.refusal(role, held, verified=verified):
        raise e.Conflict(refusal)


async def _record(session: AsyncSession, action: str, found: Grant, reason: str | None) -> None:
    await record(
        session,
        action,
        Resource("person", found.person_id, region_code=found.region_code, organisation_id=found.organisation_id),
        changes={"grant_id": str(found.id), "role": found.role, "state": found.state},
        reason=reason,
    )
