"""Attachments as sent and served."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.attachments.files import MAX_BYTES, MAX_NAME
from app.attachments.rules import OwnerKind
from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Day, Label, ShortText
from app.core.pagination import PageParams

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64, examples=["9f86d081884c7d65" * 4])]


def _yes_or_no(value: object) -> object:
    """A form knows text alone, and of the many words for yes this is ours."""
    return {"true": True, "false": False}.get(value, "neither") if isinstance(value, str) else value


class AttachmentFields(Body):
    """The text parts of an upload."""

    owner_kind: OwnerKind = Field(description="What the file belongs to.")
    owner_id: UUID
    sealed_scan: Annotated[bool, BeforeValidator(_yes_or_no)] = Field(
        default=False,
        description="The scan of the signed and sealed paper (盖章扫描件); it states its document's number and date.",
    )
    document_number: ShortText | None = Field(default=None, description="发文字号.", examples=["示例发〔2026〕8号"])
    document_date: Day | None = Field(default=None, description="成文日期.")

    def missing(self) -> list[str]:
        """What a sealed scan must state, too."""
        stated = {"document_number": self.document_number, "document_date": self.document_date}
        return [name for name, value in stated.items() if value is None] if self.sealed_scan else []


class AttachmentForm(AttachmentFields):
    """A file, and what it belongs to. One file part, at most 20 MB."""

    file: Annotated[
        str,
        Field(
            max_length=MAX_BYTES,
            description="PDF, OFD, PNG, JPEG, DOCX or XLSX; what it is is told by its bytes.",
            json_schema_extra={"contentMediaType": "application/octet-stream"},
            examples=["(the file's bytes)"],
        ),
    ]


class AttachmentSummary(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    owner_kind: OwnerKind
    owner_id: UUID
    region_code: Code
    name: Annotated[str, Field(max_length=MAX_NAME, examples=["签发稿.pdf"])]
    media_type: Annotated[str, Field(max_length=100, examples=["application/pdf"])]
    size: Annotated[int, Field(ge=1, le=MAX_BYTES, description="Bytes.")]
    sha256: Sha256
    sealed_scan: bool
    document_number: Label | None
    document_date: date | None
    uploaded_by: UUID
    uploaded_at: datetime
    released_at: datetime | None = Field(
        description="When it was sent with its dossier. From then on it stays, and whoever sees the dossier sees it."
    )


class AttachmentOut(AttachmentSummary):
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=1)]


class AttachmentFilters(PageParams):
    """Files of one owner, the oldest first."""

    owner_kind: OwnerKind
    owner_id: UUID
    sealed_scan: bool | None = None
