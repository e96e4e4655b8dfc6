"""Publishing: a document is frozen as bytes under the next number of its kind and year. For jobs only."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.canonical import canonical
from app.core.db import clock_of, ids_of
from app.models.published import Publication
from app.publications import repository


async def publish(
    session: AsyncSession, *, kind: str, year: int, title: str, document: Mapping[str, Any]
) -> Publication:
    """Numbers count from 1 in each kind and year. `document` says its own number as `number`, too.

    Whoever publishes holds the lock of what is published (the cycle, the round), so no number is given twice.
    """
    number = await repository.next_number(session, kind, year)
    content = canonical({**document, "kind": kind, "year": year, "number": number, "title": title})
    publication = Publication(
        id=ids_of(session).random(),
        kind=kind,
        year=year,
        number=number,
        title=title,
        media_type="application/json",
        content=content,
        content_sha256=hashlib.sha256(content).hexdigest(),
        published_at=clock_of(session).now(),
    )
    session.add(publication)
    await session.flush()
    resource = Resource("publication", publication.id)
    await record(session, "publications.publish", resource, changes={"content_sha256": publication.content_sha256})
    return publication
