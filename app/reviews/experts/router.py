"""The expert pool (专家库, Art. 9, 13)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import may_answer, router
from app.reviews.dependencies import CHANGES_MEMBER, CHANGES_NAMED
from app.reviews.experts import repository, service
from app.reviews.experts.dependencies import Creator, ExpertToChange, Keeper, VisibleExpert
from app.reviews.experts.schemas import ExpertFilters, ExpertIn, ExpertOut, ExpertPatch

routes = router("/v1/experts", tag="reviews")


@routes.get("", summary="List the expert pool")
async def list_experts(
    _caller: Keeper, session: Session, pages: Paging, filters: Annotated[ExpertFilters, Query()]
) -> Page[ExpertOut]:
    """By name. Who is in the pool, not who sits where."""
    page = await pages.of(session, repository.listed(active=filters.active), filters, repository.ORDER)
    return page.show_rows(ExpertOut.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=ExpertOut,
    summary="Take an expert into the pool",
    dependencies=[CHANGES_NAMED, may_answer(e.CONFLICT)],
)
async def create_expert(_caller: Creator, session: Session, reply: Replies, body: ExpertIn) -> Response:
    """A person with an active grant as `expert` (409 `conflict`, reason `no_expert_grant`), once (reason
    `expert_exists`)."""
    expert = await service.add(session, body)
    shown = await service.shown(session, expert)
    return reply(shown, version=expert.version, location=f"/v1/experts/{expert.person_id}", created=True)


@routes.get("/{person_id}", response_model=ExpertOut, summary="Get an expert of the pool")
async def get_expert(_caller: Keeper, expert: VisibleExpert, session: Session, reply: Replies) -> Response:
    """One entry of the pool, with its ETag."""
    return reply(await service.shown(session, expert), version=expert.version)


@routes.patch(
    "/{person_id}", response_model=ExpertOut, summary="Change an expert's entry", dependencies=[CHANGES_MEMBER]
)
async def update_expert(
    _caller: Keeper, expert: ExpertToChange, session: Session, reply: Replies, body: ExpertPatch
) -> Response:
    """Specialties, term, and whether the expert may be drawn. Panels that stand are not touched."""
    expert = await service.change(session, expert, body)
    return reply(await service.shown(session, expert), version=expert.version)
