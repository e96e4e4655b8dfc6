"""Who may see and change which person, and which of a person's employments."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import AllowedAction, insist, shown
from app.core.db import league_today
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import Actor, Side
from app.directory.people import repository
from app.directory.people.rules import EMPLOYMENT_LIFE, ENDED, OPEN
from app.models.identity import Employment, Person

Reader = Annotated[Caller, requires("people:read")]
Keeper = Annotated[Caller, requires("people:write")]
Creator = Annotated[Caller, acts("people:write")]


def administrator(caller: Caller) -> Actor:
    """The caller as the workflows of identity see it: administration knows no region and no recusal."""
    return Actor(caller.id, caller.scopes, frozenset({Side.LEAGUE}), recused=False)


@answers(e.NOT_FOUND)
async def visible_person(session: Session, person_id: UUID) -> Person:
    person = await repository.one(session, person_id)
    if person is None:
        raise e.NotFound
    return person


@answers(e.NOT_FOUND)
async def person_to_change(session: Session, person_id: UUID, precondition: IfMatch) -> Person:
    person = await repository.one(session, person_id, lock=True)
    if person is None:
        raise e.NotFound
    precondition.check(person.version)
    return person


VisiblePerson = Annotated[Person, Depends(visible_person)]


@answers(e.CONFLICT)
async def person_to_employ(person: VisiblePerson) -> Person:
    """Visible; whether an employment of the kind still stands is settled with the body."""
    return person


PersonToEmploy = Annotated[Person, Depends(person_to_employ)]
PersonToChange = Annotated[Person, Depends(person_to_change)]


@dataclass(frozen=True, slots=True)
class History:
    """How far back the caller may look: administrators and the person over all, others at what stands today."""

    current_on: date | None


async def seen_history(session: Session, caller: AnyCaller, person: VisiblePerson) -> History:
    whole = "grants:read" in caller.scopes or caller.id == person.id
    return History(None if whole else league_today(session))


SeenHistory = Annotated[History, Depends(seen_history)]


@answers(e.NOT_FOUND)
async def visible_employment(
    session: Session, person: VisiblePerson, employment_id: UUID, history: SeenHistory
) -> Employment:
    found = await repository.employment(session, person.id, employment_id, current_on=history.current_on)
    if found is None:
        raise e.NotFound
    return found


@answers(e.NOT_FOUND, e.STATE_CONFLICT)
async def employment_to_end(
    session: Session, caller: AnyCaller, person: VisiblePerson, employment_id: UUID, precondition: IfMatch
) -> Employment:
    """Locked, still open, and still the version that the caller saw."""
    employment = await repository.employment(session, person.id, employment_id, current_on=None, lock=True)
    if employment is None:
        raise e.NotFound
    insist(EMPLOYMENT_LIFE.judge("end", state_of(employment), administrator(caller)), "people:write")
    precondition.check(employment.version)
    return employment


def state_of(employment: Employment) -> str:
    return OPEN if employment.ends_on is None else ENDED


def employment_actions(caller: Caller, employment: Employment) -> list[AllowedAction]:
    return shown(EMPLOYMENT_LIFE.verdicts(state_of(employment), administrator(caller)))


VisibleEmployment = Annotated[Employment, Depends(visible_employment)]
EmploymentToEnd = Annotated[Employment, Depends(employment_to_end)]
