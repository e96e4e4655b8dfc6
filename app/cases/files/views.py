"""A case file as the unwalled side of the league meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.cases.files import repository
from app.cases.files.rules import SCORED
from app.cases.files.schemas import CaseExplanation, CaseFileOut, CaseFileSummary
from app.evaluations.files.schemas import PanelOf
from app.models.cases import CaseFile
from app.models.reviews import Panel


async def panel_of(session: AsyncSession, file: CaseFile) -> Panel:
    panel = await repository.panel(session, file.case_id)
    assert panel is not None  # noqa: S101 - opened with the file, and walled alike
    return panel


async def show(session: AsyncSession, file: CaseFile) -> CaseFileOut:
    stands = file.explanation if file.state in SCORED else None
    return CaseFileOut(
        **CaseFileSummary.model_validate(file).model_dump(),
        panel=PanelOf.model_validate(await panel_of(session, file)),
        explanation=CaseExplanation.model_validate(stands) if stands else None,
        created_at=file.created_at,
    )
