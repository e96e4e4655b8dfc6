"""A person's grants."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import CHANGES_PERSON, Session
from app.core.etag import Replies
from app.core.fields import ReasonBody
from app.core.pagination import Page, Paging
from app.core.routing import for_example, router
from app.directory.people.dependencies import VisiblePerson
from app.directory.people.grants import repository, service
from app.directory.people.grants.dependencies import (
    Granter,
    GrantToConfirm,
    GrantToEnd,
    Reader,
    SomebodyElse,
    VisibleGrant,
    grant_detail,
    version_of,
)
from app.directory.people.grants.schemas import GrantDetail, GrantFilters, GrantIn, GrantOut
from app.models.identity import Grant

routes = router("/v1/people/{person_id}/grants", tag="people")


def _place(grant: Grant) -> str:
    return f"/v1/people/{grant.person_id}/grants/{grant.id}"


@routes.get("", summary="List a person's grants")
async def list_grants(
    _caller: Reader,
    person: VisiblePerson,
    session: Session,
    pages: Paging,
    filters: Annotated[GrantFilters, Query()],
) -> Page[GrantOut]:
    """For administrators, the latest first; ended ones stay. Your own are at `/v1/me`."""
    statement = repository.listed(person.id, state=filters.state)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(GrantOut.of)


@routes.post("", status_code=201, response_model=GrantDetail, summary="Grant a role", dependencies=[CHANGES_PERSON])
async def create_grant(
    caller: Granter, person: SomebodyElse, session: Session, reply: Replies, body: GrantIn
) -> Response:
    """Administration is split in three (三员分离): an administrator holds no other role (409 `conflict`,
    reason `separation_of_duties`). A role that judges needs a verified identity (reason `identity_not_verified`) and
    waits for a second security administrator. The person's tokens stop at once."""
    grant = await service.grant(session, person.id, body, granter=caller.id)
    return reply(grant_detail(caller, grant), version=version_of(grant), location=_place(grant), created=True)


@routes.get("/{grant_id}", response_model=GrantDetail, summary="Get a grant")
async def get_grant(caller: Reader, grant: VisibleGrant, reply: Replies) -> Response:
    """One grant: who gave, confirmed and ended it, and why."""
    return reply(grant_detail(caller, grant), version=version_of(grant))


@routes.post(
    "/{grant_id}/confirm", response_model=GrantDetail, summary="Confirm a grant", dependencies=[CHANGES_PERSON]
)
async def confirm_grant(caller: Granter, grant: GrantToConfirm, session: Session, reply: Replies) -> Response:
    """By another security administrator than the one who granted it, and not by its holder (409 `four_eyes`)."""
    grant = await service.confirm(session, grant, confirmer=caller.id)
    return reply(grant_detail(caller, grant), version=version_of(grant), location=_place(grant))


@routes.post("/{grant_id}/end", response_model=GrantDetail, summary="End a grant", dependencies=[CHANGES_PERSON])
async def end_grant(
    caller: Granter,
    grant: GrantToEnd,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="岗位变动，不再承担该项工作（示例）")],
) -> Response:
    """Once this is answered, no token that the person held before is accepted."""
    grant = await service.end(session, grant, ender=caller.id, reason=body.reason)
    return reply(grant_detail(caller, grant), version=version_of(grant), location=_place(grant))
