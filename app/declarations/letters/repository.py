"""What a letter says beside the decision: names, and the law's words as they were then."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.declarations.recusals.rules import BarredFrom
from app.models.base import SubjectKind
from app.models.cases import Case
from app.models.directory import LegalBasis, Organisation, Region
from app.models.identity import Person
from app.models.projects import Project

_NAMES = {
    SubjectKind.REGION: (Region.name_zh, Region.code),
    SubjectKind.ORGANISATION: (Organisation.name, Organisation.id),
    SubjectKind.PROJECT: (Project.name, Project.id),
    SubjectKind.CASE: (Case.title, Case.id),
}


async def subject_name(session: AsyncSession, subject: BarredFrom) -> str:
    """As the caller may see it; its key where it has no name for them."""
    name, key = _NAMES[subject.kind]
    return await session.scalar(select(name).where(key == subject.key)) or str(subject.key)


async def person_name(session: AsyncSession, person_id: UUID) -> str:
    return (await session.execute(select(Person.name).where(Person.id == person_id))).scalar_one()


async def basis(session: AsyncSession, code: str | None, version: int | None) -> str | None:
    if code is None or version is None:
        return None
    held = await session.get(LegalBasis, (code, version))
    if held is None:
        return None
    referred = "参照" if held.applies == "by_analogy" else "根据"
    return f"{referred}《{held.title_zh}》{held.provision_zh}"
