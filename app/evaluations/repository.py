"""Self-evaluations' SQL. The row policies decide who sees what; nothing here widens them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.attachments import Attachment
from app.models.directory import Region
from app.models.evaluations import (
    AppraisalFile,
    DisclosedExplanation,
    Evaluation,
    EvaluationCycle,
    EvaluationDecision,
    EvaluationItem,
    EvaluationScheme,
    EvaluationVersion,
)

_UPDATED = (Evaluation.updated_at.expression, Evaluation.id.expression)
_REGION = (Evaluation.region_code.expression, Evaluation.id.expression)
ORDERS = {
    "updated_at": Order(_UPDATED),
    "-updated_at": Order(_UPDATED, descending=True),
    "region_code": Order(_REGION),
    "-region_code": Order(_REGION, descending=True),
}
DECISIONS = Order((EvaluationDecision.version_number.expression, EvaluationDecision.id.expression), descending=True)


def listed(
    *, cycle_id: UUID | None, region_code: str | None, assessment_year: int | None, state: str | None
) -> Select[Evaluation]:
    statement = select(Evaluation)
    if cycle_id is not None:
        statement = statement.where(Evaluation.cycle_id == cycle_id)
    if region_code is not None:
        statement = statement.where(Evaluation.region_code == region_code)
    if assessment_year is not None:
        statement = statement.where(Evaluation.assessment_year == assessment_year)
    if state is not None:
        statement = statement.where(Evaluation.state == state)
    return statement


async def one(session: AsyncSession, evaluation_id: UUID) -> Evaluation | None:
    return await session.get(Evaluation, evaluation_id)


async def locked(session: AsyncSession, evaluation_id: UUID, *, share: bool = False) -> Evaluation | None:
    """As it stands under the lock. `share`: many may hold it at once, but nobody moves it meanwhile."""
    statement = select(Evaluation).where(Evaluation.id == evaluation_id).with_for_update(read=share)
    return await session.scalar(statement.execution_options(populate_existing=True))


async def items(session: AsyncSession, evaluation_id: UUID) -> Sequence[EvaluationItem]:
    """The working copy: the region's own staff only."""
    statement = select(EvaluationItem).where(EvaluationItem.evaluation_id == evaluation_id)
    return (await session.scalars(statement.order_by(EvaluationItem.position))).all()


async def latest_version(session: AsyncSession, evaluation: Evaluation) -> EvaluationVersion | None:
    if evaluation.latest_version is None:
        return None
    return await session.get(EvaluationVersion, (evaluation.id, evaluation.latest_version))


async def took_part(session: AsyncSession, evaluation_id: UUID, person_id: UUID) -> tuple[bool, bool]:
    """Whether the person submitted, and signed, any version."""
    statement = select(
        func.coalesce(func.bool_or(EvaluationVersion.submitted_by == person_id), False),
        func.coalesce(func.bool_or(EvaluationVersion.signed_by == person_id), False),
    ).where(EvaluationVersion.evaluation_id == evaluation_id)
    submitted, signed = (await session.execute(statement)).one()
    return submitted, signed


def decisions(evaluation_id: UUID) -> Select[EvaluationDecision]:
    return select(EvaluationDecision).where(EvaluationDecision.evaluation_id == evaluation_id)


async def region(session: AsyncSession, code: str) -> Region | None:
    return await session.get(Region, code)


async def scheme_of(session: AsyncSession, cycle_id: UUID) -> EvaluationScheme:
    """The method of the cycle, as the cycle froze it."""
    statement = select(EvaluationScheme).join(
        EvaluationCycle,
        (EvaluationCycle.scheme_id == EvaluationScheme.id)
        & (EvaluationCycle.scheme_sha256 == EvaluationScheme.content_sha256),
    )
    return (await session.scalars(statement.where(EvaluationCycle.id == cycle_id))).one()


async def file_of(session: AsyncSession, evaluation_id: UUID) -> UUID | None:
    return (await files_of(session, [evaluation_id])).get(evaluation_id)


async def files_of(session: AsyncSession, evaluations: Collection[UUID]) -> dict[UUID, UUID]:
    """By self-evaluation, the appraisal file that the caller may ask for: one that is seen, or one whose explanation
    was disclosed."""
    seen = select(AppraisalFile.evaluation_id, AppraisalFile.id).where(AppraisalFile.evaluation_id.in_(evaluations))
    disclosed = select(DisclosedExplanation.evaluation_id, DisclosedExplanation.file_id).where(
        DisclosedExplanation.evaluation_id.in_(evaluations)
    )
    found = await session.execute(union(seen, disclosed))
    return {row.evaluation_id: row.id for row in found}


async def attached(session: AsyncSession, evaluation_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Which of these are files of this very self-evaluation."""
    statement = select(Attachment.id).where(
        Attachment.owner_kind == "evaluation", Attachment.owner_id == evaluation_id, Attachment.id.in_(ids)
    )
    return set(await session.scalars(statement))
