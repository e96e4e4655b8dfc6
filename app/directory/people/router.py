"""People and their employment."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import CHANGES_PERSON, Session
from app.core.db import league_today
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.directory.people import repository, service
from app.directory.people.dependencies import (
    Creator,
    EmploymentToEnd,
    Keeper,
    PersonToChange,
    PersonToEmploy,
    Reader,
    SeenHistory,
    VisibleEmployment,
    VisiblePerson,
    employment_actions,
)
from app.directory.people.schemas import (
    EmploymentDetail,
    EmploymentEnd,
    EmploymentIn,
    EmploymentOut,
    PersonFilters,
    PersonIn,
    PersonOut,
    PersonPatch,
)

routes = router("/v1/people", tag="people")


@routes.get("", summary="List people")
async def list_people(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[PersonFilters, Query()]
) -> Page[PersonOut]:
    """Names and present units, by name."""
    today = league_today(session)
    statement = repository.listed(organisation_id=filters.organisation_id, region_code=filters.region_code, today=today)
    page = await pages.of(session, statement, filters, repository.ORDER)
    units = await repository.units(session, [row[0].id for row in page.rows], today)
    return page.show(lambda person: PersonOut.of(person, units.get(person.id, [])))


@routes.post("", status_code=201, response_model=PersonOut, summary="Register a person")
async def create_person(_caller: Creator, session: Session, reply: Replies, body: PersonIn) -> Response:
    """A person without account or role: those are acts of their own. People are never deleted."""
    person = await service.register(session, body)
    return reply(PersonOut.of(person, []), version=1, location=f"/v1/people/{person.id}", created=True)


@routes.get("/{person_id}", response_model=PersonOut, summary="Get a person")
async def get_person(_caller: Reader, person: VisiblePerson, session: Session, reply: Replies) -> Response:
    """Name and present units; account, grants and past employment are resources of their own."""
    return reply(await service.shown(session, person), version=person.version)


@routes.patch("/{person_id}", response_model=PersonOut, summary="Change a person", dependencies=[CHANGES_PERSON])
async def update_person(
    _caller: Keeper, person: PersonToChange, session: Session, reply: Replies, body: PersonPatch
) -> Response:
    """Members that are absent stay."""
    person = await service.change(session, person, body)
    return reply(await service.shown(session, person), version=person.version)


@routes.get("/{person_id}/employments", summary="List a person's employments")
async def list_employments(
    _caller: Reader,
    person: VisiblePerson,
    history: SeenHistory,
    session: Session,
    pages: Paging,
    params: Annotated[PageParams, Query()],
) -> Page[EmploymentOut]:
    """The latest first. Administrators and the person see all of it, everybody else what stands today."""
    statement = repository.employments(person.id, current_on=history.current_on)
    page = await pages.of(session, statement, params, repository.EMPLOYMENT_ORDER)
    return page.show(EmploymentOut.model_validate)


@routes.post(
    "/{person_id}/employments",
    status_code=201,
    response_model=EmploymentDetail,
    summary="Add an employment",
    dependencies=[CHANGES_PERSON],
)
async def create_employment(
    caller: Creator, person: PersonToEmploy, session: Session, reply: Replies, body: EmploymentIn
) -> Response:
    """A dated tie between person and organisation: the ground on which recusals are found (Art. 11)."""
    employment = await service.employ(session, person, body)
    return reply(
        EmploymentDetail.of(employment, employment_actions(caller, employment)),
        version=employment.version,
        location=f"/v1/people/{person.id}/employments/{employment.id}",
        created=True,
    )


@routes.get("/{person_id}/employments/{employment_id}", response_model=EmploymentDetail, summary="Get an employment")
async def get_employment(caller: Reader, employment: VisibleEmployment, reply: Replies) -> Response:
    """One employment, with its ETag."""
    return reply(EmploymentDetail.of(employment, employment_actions(caller, employment)), version=employment.version)


@routes.post(
    "/{person_id}/employments/{employment_id}/end",
    response_model=EmploymentDetail,
    summary="End an employment",
    dependencies=[CHANGES_PERSON],
)
async def end_employment(
    caller: Creator, employment: EmploymentToEnd, session: Session, reply: Replies, body: EmploymentEnd
) -> Response:
    """It stays in the history: a past tie can bar for years (Art. 11)."""
    employment = await service.end(session, employment, body)
    return reply(
        EmploymentDetail.of(employment, employment_actions(caller, employment)),
        version=employment.version,
        location=f"/v1/people/{employment.person_id}/employments/{employment.id}",
    )
