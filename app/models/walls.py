"""The projection that every wall policy reads (回避, Art. 11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, TableClass, declare


class Wall(Base):
    """Person P is walled from `subject` (`region:152501`, `organisation:<uuid>`, `project:<uuid>`, …).

    Written by gate functions only; the requests' role holds no right on the table at all.
    """

    __tablename__ = "walls"
    __table_args__ = (
        CheckConstraint(r"subject ~ '^(region|organisation|project|case):[0-9a-f-]+$'", name="subject_shape"),
        declare(TableClass.CONFLICT),
    )
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
