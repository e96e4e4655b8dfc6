"""The seed of a cycle's or a round's draws (随机抽取): two commitments, the frozen list, what is opened (Art. 9, 13).

A row here speaks of no region: the seed decides every panel of its cycle alike. What is recorded of the ceremony
(`draw_seeds`) is a proceeding that its handlers read, recused or not; what it hides (`draw_secrets`) is judgement that
the requests' role has no right on at all: with the shares and the list, panel and next reserve could be worked out.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, TableClass, Versioned, declare, one_of


class OccasionKind(StrEnum):
    """What experts are drawn for."""

    EVALUATION_CYCLE = "evaluation_cycle"
    CASE_ROUND = "case_round"


class DrawSeed(Versioned, Base):
    """How far the ceremony is, and who did what in it. Written by gate functions only."""

    __tablename__ = "draw_seeds"
    __table_args__ = (one_of("kind", OccasionKind), declare(TableClass.PROCEEDING))
    occasion_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    office_commitment: Mapped[str | None]
    office_committed_by: Mapped[UUID | None]
    office_committed_at: Mapped[datetime | None]
    office_opened_by: Mapped[UUID | None]
    office_opened_at: Mapped[datetime | None]
    committee_commitment: Mapped[str | None]
    committee_committed_by: Mapped[UUID | None]
    committee_committed_at: Mapped[datetime | None]
    committee_opened_by: Mapped[UUID | None]
    committee_opened_at: Mapped[datetime | None]
    candidates_sha256: Mapped[str | None]
    frozen_at: Mapped[datetime | None]


class DrawSecret(Base):
    """The frozen list with its salt, and the shares that were opened. Never the requests' to read."""

    __tablename__ = "draw_secrets"
    __table_args__ = (declare(TableClass.JUDGEMENT),)
    occasion_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[str]
    people: Mapped[list[UUID]]
    office_share: Mapped[str | None]
    committee_share: Mapped[str | None]


class DrawRecord(Base):
    """What was opened with the publication (专家抽取记录), frozen: from it the draws can be repeated."""

    __tablename__ = "draw_records"
    __table_args__ = (one_of("kind", OccasionKind), declare(TableClass.PUBLISHED))
    occasion_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    content: Mapped[dict[str, Any]]
    content_sha256: Mapped[str]
    published_at: Mapped[datetime]
