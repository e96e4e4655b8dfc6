"""The seed's ceremony as sent and served, and the record that is opened with the publication."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Count
from app.models.draws import OccasionKind
from app.reviews.seeds.rules import Party, SeedState

_SHARE = "3f1c" * 16
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64, examples=[_HASH])]
Share = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64,256}$",
        max_length=256,
        description="At least 32 random bytes, as lower-case hexadecimal digits, from outside this system.",
        examples=[_SHARE],
    ),
]
Pseudonym = Sha256
Pseudonyms = Annotated[list[Pseudonym], Field(max_length=100_000)]


class SeedCommitmentIn(Body):
    """`commitment`: the SHA-256 of the digits of your share, as text (`printf %s "$SHARE" | sha256sum`)."""

    party: Party
    commitment: Sha256


class ShareIn(Body):
    """The share that was committed to."""

    party: Party
    share: Share


class PartOut(BaseModel):
    """One party's part: its commitment (承诺), and whether its share is open. The share itself is not shown."""

    commitment: Sha256 | None
    committed_by: UUID | None
    committed_at: datetime | None
    opened_by: UUID | None
    opened_at: datetime | None


class DrawSeedOut(BaseModel):
    """The seed of all draws (抽取种子) of a cycle or a round: how far its ceremony is. `candidates_sha256` is the hash
    of the frozen list of the pool. `version` is 0 before the first commitment."""

    occasion_kind: OccasionKind
    occasion_id: UUID
    state: SeedState
    office: PartOut
    committee: PartOut
    candidates_sha256: Sha256 | None
    frozen_at: datetime | None
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    version: Count


class OpenedPart(BaseModel):
    model_config = ConfigDict(extra="forbid")
    commitment: Sha256
    committed_at: datetime
    share: Share
    opened_at: datetime


class OpenedDraw(BaseModel):
    """`drawn`: in the order of the draw; the first `seated` took a seat, the others were the reserve."""

    model_config = ConfigDict(extra="forbid")
    number: Count
    candidates: Pseudonyms
    candidates_sha256: Sha256
    drawn: Pseudonyms
    seated: Count


class OpenedPanel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subject_id: UUID
    draws: Annotated[list[OpenedDraw], Field(max_length=1000)]


class ExcludedCount(BaseModel):
    """How many candidates a rule barred, summed over all draws."""

    model_config = ConfigDict(extra="forbid")
    rule: Code
    count: Count


class DrawRecordOut(BaseModel):
    """The record of all draws of a cycle or round (专家抽取记录). Everybody is a pseudonym, another in each panel."""

    model_config = ConfigDict(extra="forbid")
    occasion_kind: OccasionKind
    occasion_id: UUID
    office: OpenedPart
    committee: OpenedPart
    seed: Sha256
    candidates: Pseudonyms
    candidates_sha256: Sha256
    frozen_at: datetime
    excluded: Annotated[list[ExcludedCount], Field(max_length=100)]
    panels: Annotated[list[OpenedPanel], Field(max_length=10_000)]
