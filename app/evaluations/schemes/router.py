"""Evaluation methods (评估办法, Art. 8)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.evaluations.schemes import repository
from app.evaluations.schemes.dependencies import Reader, VisibleScheme
from app.evaluations.schemes.schemas import SchemeOut, SchemeSummary

routes = router("/v1/evaluation-schemes", tag="evaluations")


@routes.get("", summary="List evaluation methods")
async def list_evaluation_schemes(
    _caller: Reader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[SchemeSummary]:
    """Every version of every method, the latest first. What ships is an example (示例): no official weights exist."""
    page = await pages.of(session, repository.listed(), params, repository.ORDER)
    return page.show(SchemeSummary.model_validate)


@routes.get("/{scheme_id}", response_model=SchemeOut, summary="Get an evaluation method")
async def get_evaluation_scheme(_caller: Reader, scheme: VisibleScheme, reply: Replies) -> Response:
    """Criteria under the three goals, weights, panel rule, bands, rounding, and the hash that a cycle freezes."""
    return reply(SchemeOut.model_validate(scheme))
