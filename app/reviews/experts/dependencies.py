"""Who keeps the expert pool: the league's office."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.reviews import Expert
from app.reviews.experts import repository

Keeper = Annotated[Caller, requires("evaluations:manage")]


Creator = Annotated[Caller, acts("evaluations:manage")]


@answers(e.NOT_FOUND)
async def visible_expert(session: Session, person_id: UUID) -> Expert:
    expert = await repository.one(session, person_id)
    if expert is None:
        raise e.NotFound
    return expert


@answers(e.NOT_FOUND)
async def expert_to_change(session: Session, person_id: UUID, precondition: IfMatch) -> Expert:
    """Locked, and still the version that the caller saw."""
    expert = await repository.one(session, person_id, lock=True)
    if expert is None:
        raise e.NotFound
    precondition.check(expert.version)
    return expert


VisibleExpert = Annotated[Expert, Depends(visible_expert)]
ExpertToChange = Annotated[Expert, Depends(expert_to_change)]
