"""Subscriptions as sent and served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Label, ShortText, Version
from app.core.pagination import PageParams
from app.events.feed.rules import FeedType
from app.events.feed.schemas import Cursor
from app.events.receivers import MAX_URL
from app.models.events import DisabledReason, WebhookState

_URL = Field(
    min_length=1,
    max_length=MAX_URL,
    description="Where POST takes the messages: `https` as a rule, on a host, a network and a port that the operator "
    "lists; without userinfo and fragment. Null: nothing is sent, the subscription only remembers how far you have "
    "read the feed.",
    examples=["https://hooks.example.cn/liangshan"],
)
ReceiverUrl = Annotated[str, _URL]
Types = Annotated[
    list[FeedType],
    Field(max_length=50, description="Only events of these types; empty means all.", examples=[["projects.admit"]]),
]


class WebhookIn(Body):
    name: ShortText = Field(description="What you call it.", examples=["省级平台同步（示例）"])
    url: ReceiverUrl | None = None
    types: Types = Field(default_factory=list)


class WebhookPatch(Body):
    """What may be changed; a member that is absent stays as it is. Null takes the url away."""

    name: ShortText | None = Field(default=None, description="What you call it.", examples=["省级平台同步（示例）"])
    url: ReceiverUrl | None = None
    types: Types | None = None


class WebhookOut(BaseModel):
    id: UUID
    name: Label = Field(description="What you call it.")
    url: Annotated[str, Field(max_length=MAX_URL)] | None = Field(description="Where messages are sent, if anywhere.")
    types: Types
    state: WebhookState = Field(
        description="To `disabled` nothing is sent; what happens meanwhile is sent once it is enabled again."
    )
    disabled_reason: DisabledReason | None = Field(
        description="`gone`: the receiver answered 410. `failing`: nothing got through for three days."
    )
    disabled_at: datetime | None = Field(description="Since when.")
    failing_since: datetime | None = Field(description="The first failure after which nothing got through.")
    previous_secret_until: datetime | None = Field(
        description="Until then messages carry a second signature, by the secret before this one."
    )
    secret: Annotated[str, Field(max_length=100)] | None = Field(
        description="The signing secret, `whsec_…`: only in the answer that made it, null ever after, also where that "
        "request is repeated.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    )
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    version: Version
    created_at: datetime
    updated_at: datetime


class WebhookFilters(PageParams):
    state: WebhookState | None = None


class AcknowledgeIn(Body):
    cursor: Cursor = Field(
        description="A `next_cursor` of the feed: all before it is done with.",
        examples=["mD0Zb5s7a1mJrC9hZ2xqV1s8cQkT5u3a"],
    )
