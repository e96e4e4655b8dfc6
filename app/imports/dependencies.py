"""Who pushes and who reads receipts; the body is read before the session opens."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from pydantic import Field

from app.auth.dependencies import AnyCaller, Requires, Session, acts
from app.auth.principal import Caller
from app.core import errors as e
from app.core.problems import language_of
from app.core.routing import answers
from app.imports import repository
from app.imports.history.rules import HISTORY, RESULTS, SCOPES, Kind
from app.imports.receiving import PushedBody, ReceivedBody, receive
from app.imports.rules import NO_RECEIPT, PUSH
from app.models.imports import ImportRun

Pusher = Annotated[Caller, acts(PUSH)]
# A push is repeated by its key with the scope of the push alone, and then shows its receipt.
READS_RECEIPTS = Requires("imports:read", PUSH, HISTORY, RESULTS)
ReceiptReader = Annotated[Caller, Depends(READS_RECEIPTS)]
# Who repeats or cancels a run: with the scope that it was pushed with, which the run says.
RunPusher = Annotated[Caller, acts(PUSH, HISTORY, RESULTS)]

# In the route's `dependencies`, so that the body is there before the session opens.
RECEIVED = Depends(receive, scope="function")
Pushed = Annotated[ReceivedBody, Depends(PushedBody())]


@answers(e.NOT_FOUND)
async def visible_run(session: Session, run_id: UUID) -> ImportRun:
    """Who pushed it sees it; the league's handlers see all."""
    run = await repository.run(session, run_id)
    if run is None:
        raise e.NotFound
    return run


VisibleRun = Annotated[ImportRun, Depends(visible_run)]


def scope_of(run: ImportRun) -> str:
    return SCOPES[Kind(run.kind)] if run.kind in SCOPES else PUSH


@answers(e.STATE_CONFLICT)
async def own_run(caller: AnyCaller, run: VisibleRun) -> ImportRun:
    """Repeated and cancelled by who pushed it only."""
    if run.principal_id != caller.id:
        raise e.NotFound
    scope = scope_of(run)
    if scope not in caller.scopes:
        raise e.InsufficientScope(scope)
    return run


@answers(e.STATE_CONFLICT)
async def run_with_receipt(run: VisibleRun) -> ImportRun:
    """Only a finished run has one."""
    if run.state != "finished":
        raise e.StateConflict(NO_RECEIPT)
    return run


RunWithReceipt = Annotated[ImportRun, Depends(run_with_receipt)]
OwnRun = Annotated[ImportRun, Depends(own_run)]


async def get_language(request: Request) -> str:
    return language_of(request)


LastEventId = Annotated[
    # Documented, not validated: what is too long is simply no event that you had.
    Annotated[str, Field(json_schema_extra={"maxLength": 400})] | None,
    Header(
        description="The `id` of the event that you had last: it is not told again. Anything else means nothing here.",
        examples=["9f86d081884c7d65"],
    ),
]
Language = Annotated[str, Depends(get_language)]
