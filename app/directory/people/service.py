"""Registering people, and their dated employment."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import ids_of, league_today
from app.core.errors import FieldError, Invalid, Reason
from app.directory.people import repository
from app.directory.people.schemas import EmploymentEnd, EmploymentIn, PersonIn, PersonOut, PersonPatch
from app.models.identity import Employment, Person, Principal

EMPLOYMENT_OPEN = Reason(
    "employment_open", "该人员在该单位已有同类在任任职", "An employment of this kind there has no end yet"
)


async def register(session: AsyncSession, body: PersonIn) -> Person:
    """A person without account, grants or employment. Never deleted: recusals outlive accounts."""
    person_id = ids_of(session).random()
    session.add(Principal(id=person_id, kind="person", disabled_at=None))
    await session.flush()
    person = Person(id=person_id, name=body.name)
    session.add(person)
    await session.flush()
    await record(session, "people.create", Resource("person", person_id), changes=body.model_dump(mode="json"))
    return person


async def change(session: AsyncSession, person: Person, body: PersonPatch) -> Person:
    if "name" in body.model_fields_set:
        if body.name is None:
            raise Invalid(FieldError("/name", "required"))
        before, person.name = person.name, body.name
        await session.flush()
        await record(session, "people.update", Resource("person", person.id), changes={"name": [before, body.name]})
    return person


async def shown(session: AsyncSession, person: Person) -> PersonOut:
    today = league_today(session)
    units = await repository.units(session, [person.id], today)
    return PersonOut.of(person, units.get(person.id, []))


async def employ(session: AsyncSession, person: Person, body: EmploymentIn) -> Employment:
    """Raises `Invalid` for a reference that does not exist, `Conflict` where one of this kind still stands."""
    organisation, region = await repository.knows(
        session, organisation_id=body.organisation_id, region_code=body.posted_region
    )
    unknown = [
        FieldError(pointer, "unknown_reference")
        for pointer, known in (("/organisation_id", organisation), ("/posted_region", region))
        if not known
    ]
    if unknown:
        raise Invalid(*unknown)
    if body.ends_on is None and await repository.holds_open(session, person.id, body.organisation_id, body.kind):
        raise e.Conflict(EMPLOYMENT_OPEN)
    employment = Employment(id=ids_of(session).random(), person_id=person.id, **body.model_dump())
    session.add(employment)
    await session.flush()
    await record(session, "employments.create", _resource(employment), changes=_stated(employment.id, body))
    return employment


async def end(session: AsyncSession, employment: Employment, body: EmploymentEnd) -> Employment:
    """Raises `Invalid` where it would end before it starts."""
    if body.ends_on < employment.starts_on:
        raise Invalid(FieldError("/ends_on", "dates_out_of_order"))
    employment.ends_on = body.ends_on
    await session.flush()
    await record(session, "employments.end", _resource(employment), changes=_stated(employment.id, body))
    return employment


def _stated(employment_id: UUID, body: EmploymentIn | EmploymentEnd) -> dict[str, object]:
    return {"employment_id": str(employment_id), **body.model_dump(mode="json")}


def _resource(employment: Employment) -> Resource:
    return Resource(
        "person",
        employment.person_id,
        region_code=employment.posted_region,
        organisation_id=employment.organisation_id,
    )
