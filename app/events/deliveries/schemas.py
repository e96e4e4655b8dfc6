"""The log of what was sent."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code
from app.core.pagination import PageParams
from app.models.events import DeliveryState


class AttemptOut(BaseModel):
    """One attempt. Of what the receiver answered its status alone is kept."""

    attempted_at: datetime = Field(description="When it was begun.")
    status: int | None = Field(ge=100, le=999, description="The receiver's; null where it gave none.", examples=[503])
    error: Code | None = Field(
        description="Why there is no status: `timeout`, `connection`, `tls`, `protocol`, or `receiver_refused`, where "
        "the url stands for what nothing may be sent to.",
        examples=[None],
    )
    milliseconds: int = Field(ge=0, le=2**31, description="How long it took.")


class DeliveryOut(BaseModel):
    """One message. Its content is not kept, for it says no more than the event."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    message_id: UUID = Field(description="The event's id, sent as `webhook-id` in every attempt.")
    type: Code = Field(description="The event's type, or `webhooks.ping`.", examples=["projects.update"])
    state: DeliveryState = Field(
        description="`pending`: to be tried. `failed`: given up. `dropped`: it was not sent, and will not be."
    )
    attempts: int = Field(ge=0, le=2**31, description="Since it was made, or was asked for again.")
    next_attempt_at: datetime | None = Field(description="Not before; null where it is over.")
    log: Annotated[list[AttemptOut], Field(max_length=50, description="The last attempts, the newest last.")]
    created_at: datetime
    ended_at: datetime | None = Field(description="When it was over.")


class DeliveryFilters(PageParams):
    state: DeliveryState | None = None
