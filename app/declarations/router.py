"""Commitments and declarations (Art. 11): what the judging scopes need beside a role."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import may_answer, router
from app.declarations import repository, service
from app.declarations.dependencies import (
    CHANGES_ONESELF,
    CommitmentReader,
    Declarant,
    Reader,
    TextReader,
    VisibleCommitment,
    VisibleDeclaration,
    VisibleText,
)
from app.declarations.schemas import (
    CommitmentFilters,
    CommitmentIn,
    CommitmentOut,
    CommitmentTextOut,
    DeclarationFilters,
    DeclarationIn,
    DeclarationOut,
)

routes = router("/v1", tag="declarations")


@routes.get("/commitment-texts", summary="List the wordings of the commitment")
async def list_commitment_texts(
    _caller: TextReader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[CommitmentTextOut]:
    """承诺书, the latest first: only that one can be signed."""
    page = await pages.of(session, repository.texts(), params, repository.TEXT_ORDER)
    return page.show(CommitmentTextOut.model_validate)


@routes.get("/commitment-texts/{version}", response_model=CommitmentTextOut, summary="Get a wording of the commitment")
async def get_commitment_text(_caller: TextReader, wording: VisibleText, reply: Replies) -> Response:
    """A version never changes: what was signed stays readable."""
    return reply(CommitmentTextOut.model_validate(wording))


@routes.get("/commitments", summary="List commitments")
async def list_commitments(
    _caller: CommitmentReader, session: Session, pages: Paging, filters: Annotated[CommitmentFilters, Query()]
) -> Page[CommitmentOut]:
    """Your own, the latest first; for the league's office, committee and inspector everybody's."""
    statement = repository.commitments(year=filters.year, person_id=filters.person_id)
    return (await pages.of(session, statement, filters, repository.COMMITMENT_ORDER)).show(CommitmentOut.of)


@routes.post(
    "/commitments",
    status_code=201,
    response_model=CommitmentOut,
    summary="Sign the year's commitment",
    dependencies=[CHANGES_ONESELF, may_answer(e.CONFLICT)],
)
async def create_commitment(caller: Declarant, session: Session, reply: Replies, body: CommitmentIn) -> Response:
    """Once a year (409 `conflict`, reason `commitment_exists`), on the latest text. Your scopes grow with it: tokens
    from before stop; refreshing, or logging in, brings a new one."""
    commitment = await service.commit_oneself(session, caller, body)
    return reply(CommitmentOut.of(commitment), location=f"/v1/commitments/{commitment.id}", created=True)


@routes.get("/commitments/{commitment_id}", response_model=CommitmentOut, summary="Get a commitment")
async def get_commitment(_caller: CommitmentReader, commitment: VisibleCommitment, reply: Replies) -> Response:
    """With the version and the hash of the text that was signed."""
    return reply(CommitmentOut.of(commitment))


@routes.get("/declarations", summary="List my declarations")
async def list_declarations(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[DeclarationFilters, Query()]
) -> Page[DeclarationOut]:
    """Your own, the latest first. What others declare is seen by nobody; the recusals that follow are the deciders'."""
    statement = repository.declarations(year=filters.year, assignment_id=filters.assignment_id)
    page = await pages.of(session, statement, filters, repository.DECLARATION_ORDER)
    return page.show(DeclarationOut.model_validate)


@routes.post(
    "/declarations",
    status_code=201,
    response_model=DeclarationOut,
    summary="Declare interests, or none",
    dependencies=[CHANGES_ONESELF, may_answer(e.CONFLICT, e.STATE_CONFLICT)],
)
async def create_declaration(caller: Declarant, session: Session, reply: Replies, body: DeclarationIn) -> Response:
    """Once for the year, and once for each accepted assignment (`assignment_id`): 409 `conflict`, reason
    `declaration_exists`. An assignment that waits for none is 409 `state_conflict`.

    Each interest is a recusal of yours that takes effect at once (自行回避). For an assignment, none opens its dossier
    and any ends it. What arises later is declared by `POST /v1/recusals`. Tokens from before may stop."""
    declaration = await service.declare(session, caller, body)
    shown = DeclarationOut.model_validate(declaration)
    return reply(shown, location=f"/v1/declarations/{declaration.id}", created=True)


@routes.get("/declarations/{declaration_id}", response_model=DeclarationOut, summary="Get one of my declarations")
async def get_declaration(_caller: Reader, declaration: VisibleDeclaration, reply: Replies) -> Response:
    """As you made it: a declaration is never changed."""
    return reply(DeclarationOut.model_validate(declaration))
