"""Appraisal files' SQL. For a request the row policies decide what is there; jobs see all rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, column, exists, func, literal, null, select, text, values
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.db import league_today
from app.core.pagination import Order
from app.models.directory import Region
from app.models.evaluations import (
    AppraisalFile,
    DisclosedExplanation,
    Evaluation,
    EvaluationState,
    EvaluationVersion,
    ResultVersion,
)
from app.models.jobs import Job
from app.models.reviews import Assignment, Panel, SubjectOfReview
from app.models.walls import Wall

# By region, never by time: an order in which things were judged is nobody's to see.
ORDER = Order((AppraisalFile.region_code.expression, AppraisalFile.id.expression))


def listed(
    *, cycle_id: UUID | None, region_code: str | None, state: str | None, stale: bool | None
) -> Select[AppraisalFile]:
    statement = select(AppraisalFile)
    if cycle_id is not None:
        statement = statement.where(AppraisalFile.cycle_id == cycle_id)
    if region_code is not None:
        statement = statement.where(AppraisalFile.region_code == region_code)
    if state is not None:
        statement = statement.where(AppraisalFile.state == state)
    if stale is not None:
        statement = statement.where(AppraisalFile.stale.is_(stale))
    return statement


async def one(session: AsyncSession, file_id: UUID) -> AppraisalFile | None:
    return await session.get(AppraisalFile, file_id)


async def locked(session: AsyncSession, file_id: UUID) -> AppraisalFile | None:
    return await db.locked(session, AppraisalFile, file_id)


async def locked_of(session: AsyncSession, evaluation_id: UUID) -> AppraisalFile | None:
    statement = select(AppraisalFile).where(AppraisalFile.evaluation_id == evaluation_id).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def locked_all(session: AsyncSession, cycle_id: UUID) -> Sequence[AppraisalFile]:
    statement = select(AppraisalFile).where(AppraisalFile.cycle_id == cycle_id).order_by(AppraisalFile.id)
    return (await session.scalars(statement.with_for_update())).all()


async def panel(session: AsyncSession, evaluation_id: UUID) -> Panel | None:
    """As it stands now, whatever this session read before."""
    statement = select(Panel).where(Panel.subject_kind == SubjectOfReview.EVALUATION, Panel.subject_id == evaluation_id)
    return await session.scalar(statement.execution_options(populate_existing=True))


async def sits_on(session: AsyncSession, evaluation_id: UUID, person_id: UUID) -> bool:
    """Whether the person has a place on the panel: one's own is what one sees of it."""
    seat = exists().where(
        Assignment.subject_kind == SubjectOfReview.EVALUATION,
        Assignment.subject_id == evaluation_id,
        Assignment.person_id == person_id,
    )
    return bool(await session.scalar(select(seat)))


async def application_pending(session: AsyncSession, region_code: str) -> bool:
    found = await session.scalar(text("SELECT gate.pending_on(:region, NULL)"), {"region": region_code})
    return bool(found)


async def may_act(session: AsyncSession, capacity: str, region_code: str) -> bool:
    """Whether nothing bars the caller in this capacity, as things stand under the caller's lock."""
    values = {"capacity": capacity, "region": region_code, "day": league_today(session)}
    return bool(await session.scalar(text("SELECT gate.may_act(:capacity, :region, NULL, :day)"), values))


async def result(session: AsyncSession, file: AppraisalFile) -> ResultVersion | None:
    return await session.get(ResultVersion, (file.id, file.latest_result)) if file.latest_result else None


async def disclosed(session: AsyncSession, file_id: UUID) -> DisclosedExplanation | None:
    """What was told with the latest publication, where it is the caller's to read."""
    statement = select(DisclosedExplanation).where(DisclosedExplanation.file_id == file_id)
    return await session.scalar(statement.order_by(DisclosedExplanation.publication_number.desc()).limit(1))


# From here on for jobs only: they see all rows.


async def inputs(session: AsyncSession, evaluation_id: UUID) -> list[dict[str, Any]]:
    """The region's figures in the version that was accepted: verified by the acceptance, in their order."""
    item = func.jsonb_array_elements(EvaluationVersion.content["items"]).table_valued(column("value", JSONB))
    statement = (
        select(
            item.c.value["criterion_code"].astext.label("criterion_code"),
            item.c.value["reported_value"].astext.label("reported_value"),
        )
        .select_from(EvaluationVersion)
        .join(Evaluation, Evaluation.id == EvaluationVersion.evaluation_id)
        .join(item, literal(True))
        .where(Evaluation.id == evaluation_id, EvaluationVersion.number == Evaluation.latest_version)
        .order_by(item.c.value["position"].as_integer())
    )
    return [dict(row._mapping) for row in await session.execute(statement)]


async def repair_waits(session: AsyncSession, panel_id: UUID) -> bool:
    """Whether another recusal touched the panel meanwhile: its repair comes, and then asks to settle again."""
    waiting = exists().where(
        Job.kind == "reviews.repair",
        Job.state.in_(("queued", "claimed")),
        Job.payload["panel_id"].astext == str(panel_id),
    )
    return bool(await session.scalar(select(waiting)))


async def is_walled(session: AsyncSession, person_id: UUID, region_code: str) -> bool:
    """For jobs: requests read no walls."""
    found = select(Wall.subject).where(Wall.person_id == person_id, Wall.subject == f"region:{region_code}")
    return await session.scalar(found) is not None


async def any_pending(session: AsyncSession, region_codes: Sequence[str]) -> bool:
    regions = values(column("code", Text), name="regions").data([(code,) for code in region_codes])
    return bool(
        await session.scalar(select(func.coalesce(func.bool_or(func.gate.pending_on(regions.c.code, null())), False)))
    )


async def unfinished(session: AsyncSession, cycle_id: UUID) -> bool:
    """Whether a self-evaluation of the cycle was sent and is not under review: it has no file to publish."""
    waiting = exists().where(Evaluation.cycle_id == cycle_id, Evaluation.state == EvaluationState.SUBMITTED)
    return bool(await session.scalar(select(waiting)))


async def results(session: AsyncSession, cycle_id: UUID) -> Sequence[tuple[AppraisalFile, ResultVersion, str]]:
    """Every file of the cycle with the result that stands and the region's name, by the regions' codes."""
    statement = (
        select(AppraisalFile, ResultVersion, Region.name_zh)
        .join(
            ResultVersion,
            (ResultVersion.file_id == AppraisalFile.id) & (ResultVersion.number == AppraisalFile.latest_result),
        )
        .join(Region, Region.code == AppraisalFile.region_code)
        .where(AppraisalFile.cycle_id == cycle_id)
        .order_by(AppraisalFile.region_code)
    )
    return [(file, result, name) for file, result, name in await session.execute(statement)]
