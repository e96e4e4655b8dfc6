"""Who takes part in the ceremony of a seed: the office and the committee, also who is recused from something. What is
theirs is one share; nothing that they see tells of a region."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.draws import DrawRecord, DrawSeed
from app.reviews.seeds import repository
from app.reviews.seeds.rules import SCOPE, Occasion
from app.reviews.seeds.views import verdict

Witness = Annotated[Caller, requires(SCOPE)]
Party = Annotated[Caller, acts(SCOPE)]


@dataclass(frozen=True, slots=True)
class Ceremony:
    occasion: Occasion
    seed: DrawSeed


def ceremony_for(action: str, occasion_of: Callable[..., Awaitable[Occasion]]) -> Any:
    """The seed of the cycle or round, held, where the caller may do `action` with it now, as the caller saw it."""

    @answers(e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT, e.FOUR_EYES)
    async def held(
        session: Session,
        caller: AnyCaller,
        occasion: Annotated[Occasion, Depends(occasion_of)],
        precondition: IfMatch,
    ) -> Ceremony:
        await repository.hold(session, occasion.id)
        seed = await repository.seed(session, occasion)
        insist(verdict(action, seed, occasion, caller), SCOPE)
        precondition.check(seed.version)
        return Ceremony(occasion, seed)

    return Depends(held)


def record_of(occasion_of: Callable[..., Awaitable[Occasion]]) -> Any:
    """What was opened with the publication. Before it there is none."""

    @answers(e.NOT_FOUND)
    async def found(session: Session, occasion: Annotated[Occasion, Depends(occasion_of)]) -> DrawRecord:
        record = await repository.record(session, occasion.id)
        if record is None:
            raise e.NotFound
        return record

    return Depends(found)
