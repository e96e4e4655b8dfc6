"""Publications are everybody's: no token is asked for, and one that is sent changes nothing (Art. 11)."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.db import PUBLIC, Database
from app.core.routing import answers
from app.models.published import Publication
from app.publications import repository
from app.publications.schemas import PublicationOut


async def get_public_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Entered as the public, whoever asks."""
    database: Database = request.app.state.database
    async with database.transaction(PUBLIC) as session:
        yield session


PublicSession = Annotated[AsyncSession, Depends(get_public_session, scope="function")]


@answers(e.NOT_FOUND)
async def described(session: PublicSession, publication_id: UUID) -> PublicationOut:
    found = await repository.metadata(session, publication_id)
    if found is None:
        raise e.NotFound
    return PublicationOut.model_validate(found)


@answers(e.NOT_FOUND)
async def held(session: PublicSession, publication_id: UUID) -> Publication:
    publication = await repository.one(session, publication_id)
    if publication is None:
        raise e.NotFound
    return publication


Described = Annotated[PublicationOut, Depends(described)]
Held = Annotated[Publication, Depends(held)]
