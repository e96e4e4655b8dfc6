"""Who commits and declares. The transaction opens exclusively on the caller, whose tokens change with it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request

from app.auth.dependencies import Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.routing import answers
from app.declarations import repository
from app.models.declarations import Commitment, CommitmentText, Declaration

WRITE = "declarations:write"

TextReader = Annotated[Caller, requires("directory:read")]
Reader = Annotated[Caller, requires(WRITE)]
# Deciders see others' commitments, too: the row policy says whose.
CommitmentReader = Annotated[Caller, requires(WRITE, "recusals:decide")]
Declarant = Annotated[Caller, acts(WRITE)]


async def lock_oneself(request: Request) -> None:
    """A token without the scope will be refused: it locks nobody until it is."""
    if WRITE in request.state.claims.scopes:
        request.state.targets = (request.state.claims.subject,)


# In a route's `dependencies=[…]`, so that it is settled before the session opens.
CHANGES_ONESELF = Depends(lock_oneself)


@answers(e.NOT_FOUND)
async def visible_text(
    session: Session, version: Annotated[int, Path(ge=1, le=2_000_000_000, examples=[1])]
) -> CommitmentText:
    found = await repository.wording(session, version)
    if found is None:
        raise e.NotFound
    return found


@answers(e.NOT_FOUND)
async def visible_commitment(session: Session, commitment_id: UUID) -> Commitment:
    found = await repository.commitment(session, commitment_id)
    if found is None:
        raise e.NotFound
    return found


@answers(e.NOT_FOUND)
async def visible_declaration(session: Session, declaration_id: UUID) -> Declaration:
    found = await repository.declaration(session, declaration_id)
    if found is None:
        raise e.NotFound
    return found


VisibleText = Annotated[CommitmentText, Depends(visible_text)]
VisibleCommitment = Annotated[Commitment, Depends(visible_commitment)]
VisibleDeclaration = Annotated[Declaration, Depends(visible_declaration)]
