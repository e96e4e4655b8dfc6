"""Who may touch which organisation."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import IfMatch
from app.core.routing import answers
from app.directory.organisations import repository
from app.models.directory import Organisation

Reader = Annotated[Caller, requires("directory:read")]
Keeper = Annotated[Caller, requires("directory:write")]
Creator = Annotated[Caller, acts("directory:write")]


@answers(e.NOT_FOUND)
async def visible_organisation(session: Session, organisation_id: UUID) -> Organisation:
    organisation = await repository.one(session, organisation_id)
    if organisation is None:
        raise e.NotFound
    return organisation


@answers(e.NOT_FOUND)
async def organisation_to_change(session: Session, organisation_id: UUID, precondition: IfMatch) -> Organisation:
    """Locked, and still the version that the caller saw."""
    organisation = await repository.one(session, organisation_id, lock=True)
    if organisation is None:
        raise e.NotFound
    precondition.check(organisation.version)
    return organisation


VisibleOrganisation = Annotated[Organisation, Depends(visible_organisation)]
OrganisationToChange = Annotated[Organisation, Depends(organisation_to_change)]
