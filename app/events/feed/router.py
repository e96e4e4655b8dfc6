"""The feed of events."""

from typing import Annotated

from fastapi import Query

from app.auth.dependencies import Session
from app.core.routing import router
from app.events.feed import repository
from app.events.feed.dependencies import FeedCursors, Reader, Start
from app.events.feed.rules import readable
from app.events.feed.schemas import EventFilters, EventPage, event_out

routes = router("/v1/events", tag="events")


@routes.get("", summary="Read the feed of events")
async def list_events(
    caller: Reader,
    session: Session,
    start: Start,
    cursors: FeedCursors,
    filters: Annotated[EventFilters, Query()],
) -> EventPage:
    """What happened to your projects, your imports, and the organisations of your regions, for machine clients. Keep
    `next_cursor` and ask with it again: what is handed out later stands behind it, never before, so nothing is missed
    however long you were away. Events about one resource are in the order of what was done to it. An event comes some
    moments after the act; you see it only while you may see its resource, and it says no more than that there is
    something to look at."""
    found = await repository.after(
        session,
        start.position,
        source=caller.client["source_system"],
        kinds=readable(caller.scopes),
        types=start.types,
        at_most=filters.limit + 1,
    )
    shown = found[: filters.limit]
    last = shown[-1].position if shown else start.position
    return EventPage(
        items=[event_out(event) for event in shown],
        next_cursor=cursors.of(last, caller.id),
        has_more=len(found) > filters.limit,
    )
