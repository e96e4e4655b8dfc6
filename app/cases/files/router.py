"""Case files (案例评审档案): the judgement on one case (Art. 12, 13)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.cases.files import repository, views
from app.cases.files.dependencies import Reader, VisibleFile
from app.cases.files.schemas import CaseFileOut, CaseFileSummary, FileFilters
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router

routes = router("/v1/case-files", tag="cases")


@routes.get("", summary="List case files")
async def list_case_files(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[FileFilters, Query()]
) -> Page[CaseFileSummary]:
    """By region. For the league's office, committee and inspector: those that they are not recused from."""
    statement = repository.listed(**filters.model_dump(include={"round_id", "region_code", "state", "stale"}))
    return (await pages.of(session, statement, filters, repository.ORDER)).show(CaseFileSummary.model_validate)


@routes.get("/{file_id}", response_model=CaseFileOut, summary="Get a case file")
async def get_case_file(_caller: Reader, file: VisibleFile, session: Session, reply: Replies) -> Response:
    """State, panel, and the total with its explanation while it stands. 404 for whoever is recused from the region or
    the case."""
    return reply(await views.show(session, file), version=file.version)
