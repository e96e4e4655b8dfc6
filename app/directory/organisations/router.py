"""Organisations (单位, Art. 2)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import may_answer, router
from app.directory.organisations import repository, service
from app.directory.organisations.dependencies import (
    Creator,
    Keeper,
    OrganisationToChange,
    Reader,
    VisibleOrganisation,
)
from app.directory.organisations.schemas import (
    OrganisationFilters,
    OrganisationIn,
    OrganisationOut,
    OrganisationPatch,
)

routes = router("/v1/organisations", tag="directory")


@routes.get("", summary="List organisations")
async def list_organisations(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[OrganisationFilters, Query()]
) -> Page[OrganisationOut]:
    """Party and government bodies, departments, enterprises, cooperatives, gacha collectives, by name."""
    statement = repository.listed(region_code=filters.region_code, kind=filters.kind, credit_code=filters.credit_code)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(OrganisationOut.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=OrganisationOut,
    summary="Register an organisation",
    dependencies=[may_answer(e.CONFLICT)],
)
async def create_organisation(_caller: Creator, session: Session, reply: Replies, body: OrganisationIn) -> Response:
    """The credit code is checked (GB 32100-2015); a body without one states the reason."""
    organisation = await service.register(session, body)
    return reply(
        OrganisationOut.model_validate(organisation),
        version=organisation.version,
        location=f"/v1/organisations/{organisation.id}",
        created=True,
    )


@routes.get("/{organisation_id}", response_model=OrganisationOut, summary="Get an organisation")
async def get_organisation(_caller: Reader, organisation: VisibleOrganisation, reply: Replies) -> Response:
    """One body, with its ETag."""
    return reply(OrganisationOut.model_validate(organisation), version=organisation.version)


@routes.patch(
    "/{organisation_id}",
    response_model=OrganisationOut,
    summary="Change an organisation",
    dependencies=[may_answer(e.CONFLICT, e.RECUSED)],
)
async def update_organisation(
    _caller: Keeper,
    organisation: OrganisationToChange,
    session: Session,
    reply: Replies,
    body: OrganisationPatch,
) -> Response:
    """Members that are absent stay; null clears what may be empty. Whoever works above or below it, and judges where
    one of these bodies is, is looked at again: a recusal that comes of it is decided by somebody else. 403 `recused`
    where one of them is in a region that you are recused from."""
    organisation = await service.change(session, organisation, body)
    return reply(OrganisationOut.model_validate(organisation), version=organisation.version)
