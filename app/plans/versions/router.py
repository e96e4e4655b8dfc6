"""What a region sent, and what the office answered."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.plans.dependencies import Reader, VisiblePlan
from app.plans.rules import compare
from app.plans.versions import repository
from app.plans.versions.dependencies import OtherVersion, VisibleVersion
from app.plans.versions.schemas import ComparisonOut, FilingOut, SentPage, VersionOut, VersionSummary

routes = router("/v1/plans/{plan_id}", tag="plans")


@routes.get("/versions", summary="List a plan's versions")
async def list_plan_versions(
    _caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[SentPage, Query()]
) -> Page[VersionSummary]:
    """Everything that was signed and sent, latest first. Versions never change."""
    page = await pages.of(session, repository.versions(plan.id), params, repository.VERSIONS)
    return page.show_rows(VersionSummary.model_validate)


@routes.get("/versions/{number}", response_model=VersionOut, summary="Get a version")
async def get_plan_version(_caller: Reader, version: VisibleVersion, reply: Replies) -> Response:
    """The content as it was signed, its hash, the document's number (报送文号) and date, who submitted and signed."""
    return reply(VersionOut.model_validate(version))


@routes.get("/versions/{number}/comparison", response_model=ComparisonOut, summary="Compare two versions")
async def compare_plan_versions(
    _caller: Reader, version: VisibleVersion, other: OtherVersion, reply: Replies
) -> Response:
    """What this version adds, removes and changes against the version `with`, section by section."""
    return reply(ComparisonOut.of(other, version, compare(other.content, version.content)))


@routes.get("/filings", summary="List the office's answers to a plan")
async def list_plan_filings(
    _caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[SentPage, Query()]
) -> Page[FilingOut]:
    """Filings and returns with their remarks, latest first. Read by the region and by the league's handlers."""
    page = await pages.of(session, repository.filings(plan.id), params, repository.FILINGS)
    return page.show(FilingOut.model_validate)
