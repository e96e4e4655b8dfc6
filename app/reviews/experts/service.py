"""Keeping the expert pool."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason
from app.models.reviews import Expert
from app.reviews.experts import repository
from app.reviews.experts.schemas import ExpertIn, ExpertOut, ExpertPatch

CONSTRAINT_REASONS["pk_experts"] = Reason("expert_exists", "该人员已在专家库中", "The person is in the pool already")
NO_EXPERT_GRANT = Reason(
    "no_expert_grant", "该人员没有有效的评审专家角色", "The person holds no active grant as an expert"
)


async def add(session: AsyncSession, body: ExpertIn) -> Expert:
    """Raises `Invalid` for an unknown person, `Conflict` without an active grant or for a second entry."""
    if not await repository.person_exists(session, body.person_id):
        raise Invalid(FieldError("/person_id", "unknown_reference"))
    if not await repository.is_expert(session, body.person_id):
        raise e.Conflict(NO_EXPERT_GRANT)
    expert = Expert(**body.model_dump(), active=True)
    session.add(expert)
    await session.flush()
    await record(session, "experts.create", _resource(expert), changes=body.model_dump(mode="json"))
    return expert


async def change(session: AsyncSession, expert: Expert, body: ExpertPatch) -> Expert:
    stated = body.model_dump(exclude_unset=True)
    missing = [name for name in ("specialties", "active") if name in stated and stated[name] is None]
    if missing:
        raise Invalid(*(FieldError(f"/{name}", "required") for name in missing))
    changed = {name for name, value in stated.items() if getattr(expert, name) != value}
    if not changed:
        return expert
    for name in changed:
        setattr(expert, name, stated[name])
    await session.flush()
    await record(session, "experts.update", _resource(expert), changes=body.model_dump(mode="json", include=changed))
    return expert


async def shown(session: AsyncSession, expert: Expert) -> ExpertOut:
    return ExpertOut.model_validate(await repository.shown(session, expert.person_id))


def _resource(expert: Expert) -> Resource:
    return Resource("expert", expert.person_id)
