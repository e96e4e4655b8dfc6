"""What everybody may read: frozen bytes. Nothing computes from them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, TableClass, declare, one_of


class Publication(Base):
    """A publication of a cycle or a round: numbered from 1; a correction is a new number, the old one stands."""

    __tablename__ = "publications"
    __table_args__ = (
        one_of("kind", ("evaluation_results", "cases")),
        UniqueConstraint("kind", "year", "number"),
        declare(TableClass.PUBLISHED),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    title: Mapped[str]
    media_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    content_sha256: Mapped[str]
    published_at: Mapped[datetime]
