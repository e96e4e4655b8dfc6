"""Files: content-addressed blobs, and attachments that give one a name, an owner and a class."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PROJECT_IF_ANY, REGION, Base, TableClass, declare, one_of


class Blob(Base):
    """Bytes by their SHA-256. Reached through a visible attachment only; who uploads never learns if it was known."""

    __tablename__ = "blobs"
    __table_args__ = (CheckConstraint("size BETWEEN 1 AND 20971520", name="size_range"), declare(TableClass.MACHINERY))
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    media_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Attachment(Base):
    """A file of a dossier: of a plan, a self-evaluation, a case or a project.

    `released_at`: from then on whoever may see the sent dossier may download it too, and it stays; before, the
    region only.
    `sealed_scan`: the scan of the signed and stamped paper, with its document number and date.
    """

    __tablename__ = "attachments"
    __table_args__ = (
        one_of("owner_kind", ("plan", "project", "evaluation", "case")),
        Index("ix_attachments_owner", "owner_kind", "owner_id"),
        # Bytes are read through the attachments that name them.
        Index("ix_attachments_sha256", "sha256"),
        declare(TableClass.DOSSIER, REGION, PROJECT_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_kind: Mapped[str]
    owner_id: Mapped[UUID]
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    project_id: Mapped[UUID | None]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"))
    sealed_scan: Mapped[bool]
    document_number: Mapped[str | None]
    document_date: Mapped[date | None]
    uploaded_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    uploaded_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
