"""Events as served and as sent: thin, for what a resource says is asked where it stands."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code
from app.events.feed.rules import FeedType, ResourceKind, href
from app.models.events import FeedEvent

Cursor = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+={0,2}$")]
Href = Annotated[
    str,
    Field(
        max_length=200,
        description="Where GET shows it, as you may see it then.",
        examples=["/v1/projects/0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f"],
    ),
]


class EventFilters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200, description="Events per page.")
    cursor: Cursor | None = Field(
        default=None, description="`next_cursor` of the page before; yours alone, and good for any filter."
    )
    type: FeedType | None = Field(default=None, description="Only events of this type.")
    webhook_id: UUID | None = Field(
        default=None,
        description="Only the types of this subscription of yours; without `cursor`, from what it acknowledged on.",
    )


class EventResource(BaseModel):
    kind: ResourceKind = Field(description="What kind of thing it is about.")
    id: UUID
    href: Href


class EventOut(BaseModel):
    """That something happened to a resource. The same `id` comes as `webhook-id` where it is sent."""

    id: UUID
    type: FeedType = Field(description="What was done.")
    occurred_at: datetime = Field(description="When it was done.")
    resource: EventResource = Field(description="What it was done to.")
    region_code: Code | None = Field(description="Its region; null where it is about several, as an import is.")


class EventPage(BaseModel):
    """Events in the order in which they were handed out. `next_cursor` is never null: keep it, and come again."""

    items: list[EventOut] = Field(max_length=200)
    next_cursor: Cursor = Field(
        description="Behind the last event of this page; ask again with it, now or later. Without events it is where "
        "you were.",
        examples=["mD0Zb5s7a1mJrC9hZ2xqV1s8cQkT5u3a"],
    )
    has_more: bool = Field(description="Whether more of them wait already.")


def event_out(event: FeedEvent) -> EventOut:
    return EventOut(
        id=event.id,
        type=FeedType(event.type),
        occurred_at=event.occurred_at,
        resource=EventResource(
            kind=ResourceKind(event.resource_kind),
            id=event.resource_id,
            href=href(event.resource_kind, event.resource_id),
        ),
        region_code=event.region_code,
    )
