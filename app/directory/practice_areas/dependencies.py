"""Who may touch which practice area. Everybody reads; a recused person changes nothing of the region's."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import IS_RECUSED, WRONG_STATE, Actor, Side
from app.directory.practice_areas import repository, service
from app.directory.practice_areas.rules import PRACTICE_AREA_LIFE
from app.directory.practice_areas.schemas import PracticeAreaOut
from app.models.directory import PracticeArea, PracticeAreaState

Reader = Annotated[Caller, requires("directory:read")]
Keeper = Annotated[Caller, requires("directory:write")]
Creator = Annotated[Caller, acts("directory:write")]


def _actor(caller: Caller, *, recused: bool) -> Actor:
    """Keeping the directory is a league matter, of the office and of the system administrator."""
    return Actor(caller.id, caller.scopes, frozenset({Side.LEAGUE}), recused)


@answers(e.NOT_FOUND)
async def visible_area(session: Session, area_id: UUID) -> PracticeArea:
    area = await repository.one(session, area_id)
    if area is None:
        raise e.NotFound
    return area


VisibleArea = Annotated[PracticeArea, Depends(visible_area)]


async def is_recused(session: Session, area: VisibleArea) -> bool:
    return await service.recused(session, area.region_code, area.entity_ids)


IsRecused = Annotated[bool, Depends(is_recused)]


@answers(e.RECUSED, e.STATE_CONFLICT)
async def area_to_change(
    session: Session, area: VisibleArea, recused: IsRecused, precondition: IfMatch
) -> PracticeArea:
    """Locked, not withdrawn, and still the version that the caller saw."""
    if recused:
        raise e.Recused(IS_RECUSED)
    await repository.lock(session, area)
    if area.state == PracticeAreaState.WITHDRAWN:
        raise e.StateConflict(WRONG_STATE)
    precondition.check(area.version)
    return area


class AreaTo:
    """The practice area, locked, where the caller may do this to it now."""

    problems = (e.RECUSED, e.STATE_CONFLICT)

    def __init__(self, action: str) -> None:
        self._action = action

    async def __call__(
        self, session: Session, caller: AnyCaller, area: VisibleArea, recused: IsRecused, precondition: IfMatch
    ) -> PracticeArea:
        if not recused:
            await repository.lock(session, area)
        insist(PRACTICE_AREA_LIFE.judge(self._action, area.state, _actor(caller, recused=recused)), "directory:write")
        precondition.check(area.version)
        return area


class Shows:
    """Renders an area with what its viewer may do to it."""

    def __init__(self, session: Session, caller: AnyCaller) -> None:
        self._session = session
        self._caller = caller

    async def __call__(self, area: PracticeArea) -> PracticeAreaOut:
        recused = await service.recused(self._session, area.region_code, area.entity_ids)
        verdicts = PRACTICE_AREA_LIFE.verdicts(area.state, _actor(self._caller, recused=recused))
        return PracticeAreaOut.with_actions(area, shown(verdicts))


AreaToChange = Annotated[PracticeArea, Depends(area_to_change)]
AreaToAdjust = Annotated[PracticeArea, Depends(AreaTo("adjust"))]
AreaToWithdraw = Annotated[PracticeArea, Depends(AreaTo("withdraw"))]
Show = Annotated[Shows, Depends(Shows)]
