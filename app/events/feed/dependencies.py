"""Who reads the feed, and from where."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from app.auth.dependencies import Session, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.routing import answers
from app.events.cursors import Cursors
from app.events.feed.rules import READ
from app.events.feed.schemas import EventFilters
from app.events.webhooks import repository as webhooks

Reader = Annotated[Caller, requires(READ)]


@dataclass(frozen=True, slots=True)
class Place:
    """`types`: none means all."""

    position: int
    types: list[str]


async def get_cursors(request: Request) -> Cursors:
    cursors: Cursors = request.app.state.event_cursors
    return cursors


FeedCursors = Annotated[Cursors, Depends(get_cursors)]


@answers(e.NOT_FOUND)
async def get_place(
    caller: Reader, session: Session, cursors: FeedCursors, filters: Annotated[EventFilters, Query()]
) -> Place:
    """From the cursor, else from what the subscription acknowledged, else from the beginning."""
    position, types = 0, []
    if filters.webhook_id is not None:
        found = await webhooks.with_progress(session, filters.webhook_id)
        if found is None:
            raise e.NotFound
        webhook, progress = found
        position, types = progress.acknowledged, list(webhook.types)
    if filters.cursor is not None:
        read = cursors.read(filters.cursor, caller.id)
        if read is None:
            raise e.Invalid(e.FieldError("?cursor", "invalid_cursor"))
        position = read
    if filters.type is not None:
        types = [filters.type.value] if not types or filters.type.value in types else [""]
    return Place(position, types)


Start = Annotated[Place, Depends(get_place)]
