"""Reading the audit."""

from typing import Annotated

from fastapi import Query

from app.audit import repository
from app.audit.schemas import ActFilters, AuditEntryOut, AuditFilters
from app.auth.dependencies import AnyCaller, Session, requires
from app.auth.principal import Caller
from app.core.pagination import Page, Paging
from app.core.routing import router

routes = router("/v1", tag="audit")

Auditor = Annotated[Caller, requires("audit:read")]


@routes.get("/audit-entries", summary="List audit entries")
async def list_audit_entries(
    _caller: Auditor, session: Session, pages: Paging, filters: Annotated[AuditFilters, Query()]
) -> Page[AuditEntryOut]:
    """The newest first. An auditor who is recused from a region sees no entry about it, but own acts (Art. 11)."""
    about = filters.model_dump(include={"actor_id", "resource_id", "recusal_id"})
    statement = repository.entries(filters, **about)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(AuditEntryOut.model_validate)


@routes.get("/me/acts", summary="List my own acts")
async def list_my_acts(
    caller: AnyCaller, session: Session, pages: Paging, filters: Annotated[ActFilters, Query()]
) -> Page[AuditEntryOut]:
    """Everything recorded in your name, the newest first, refusals among them."""
    statement = repository.entries(filters, actor_id=caller.id)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(AuditEntryOut.model_validate)
