"""A project as a push would state it (pure)."""

from datetime import datetime
from typing import Any

from app.core.documents.xlsx import Value
from app.imports.reading.columns import SHOWN
from app.models.projects import Membership, Project
from app.projects import content
from app.projects.content import FundingLine

MEMBERSHIP_NAMES: dict[str, str] = {
    Membership.DRAFT: "草稿",
    Membership.PROPOSED: "拟入库",
    Membership.IN_LIBRARY: "在库",
    Membership.DECLINED: "未入库",
    Membership.LEFT: "已退库",
}


def document(
    project: Project,
    entity: tuple[str | None, str | None, str | None],
    external_id: str | None,
    funding: list[FundingLine],
) -> dict[str, Any]:
    """The row that would be pushed to change nothing. A draft may lack what a push must state: it is null then.
    `entity`: name, kind, code."""
    name, kind, credit_code = entity
    said = content.public(content.of(project, funding))
    del said["practice_area_id"]
    return {
        **said,
        "external_id": external_id,
        "region_code": project.region_code,
        "investment_entity": None if name is None else {"name": name, "kind": kind, "credit_code": credit_code},
    }


def shown(project: Project) -> list[Value]:
    """What stands beside it for people, in the order of `SHOWN`; a push does not read it."""
    found: dict[str, Value] = {
        "id": str(project.id),
        "source_system": project.source_system,
        "membership": MEMBERSHIP_NAMES[project.membership],
        "updated_at": _moment(project.updated_at),
    }
    return [found[column.pointer] for column in SHOWN]


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="seconds")
