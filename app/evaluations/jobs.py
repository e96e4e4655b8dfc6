"""What the worker does to the judgement: settle after a repair, grade, publish. It sees all rows, so that no wall
falsifies a result; whatever a request was told, every condition is looked at again here, under the lock.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import record, record_each
from app.core.canonical import digest
from app.core.db import clock_of
from app.declarations.repository import settle_applications
from app.evaluations import repository as evaluations
from app.evaluations.cycles import repository as cycles
from app.evaluations.cycles.service import resource as cycle_resource
from app.evaluations.files import repository, rules, views
from app.evaluations.files.service import resource
from app.evaluations.schemes.rules import scheme_of
from app.models.draws import OccasionKind
from app.models.evaluations import (
    AppraisalFile,
    CyclePhase,
    DisclosedExplanation,
    EvaluationCycle,
    EvaluationScheme,
    FileState,
    ResultVersion,
)
from app.models.jobs import Job
from app.models.reviews import Panel
from app.publications import service as publications
from app.reviews.repository import counted_sheets
from app.reviews.rules import PanelState
from app.reviews.seeds.rules import Occasion
from app.reviews.seeds.service import publish_record


async def settle(session: AsyncSession, job: Job) -> None:
    """`evaluations.settle`: a panel moved, or somebody who appraised or approved was recused."""
    file = await repository.locked_of(session, UUID(job.payload["subject_id"]))
    assert file is not None  # noqa: S101 - made with its panel, never deleted
    panel = await views.panel_of(session, file)
    if await repository.repair_waits(session, panel.id):
        return
    whole = panel.state == PanelState.COMPLETE and not await repository.application_pending(session, file.region_code)
    settled = rules.settle(
        FileState(file.state), touched=file.stale, had_result=file.latest_result is not None, whole=whole
    )
    before = (file.state, file.stale, file.blocked_quorum)
    file.state, file.stale = settled.state, False
    file.blocked_quorum = panel.state == PanelState.BLOCKED_QUORUM
    if before[0] == FileState.APPROVED and file.state != FileState.APPROVED:
        await _withdraw_approval(session, file)
    if settled.compute and not await _compute(session, file, panel) and file.state == FileState.GRADED:
        await _restore_approval(session, file)
    await session.flush()
    if (file.state, file.stale, file.blocked_quorum) != before:
        await record(session, "appraisal_files.settle", resource(file))


async def _withdraw_approval(session: AsyncSession, file: AppraisalFile) -> None:
    standing = await repository.result(session, file)
    file.voided = [
        *file.voided,
        {
            "state": FileState.APPROVED,
            "at": clock_of(session).now().isoformat(),
            "approved_by": str(file.approved_by),
            "explanation_sha256": standing.explanation_sha256 if standing else None,
        },
    ]
    file.approved_by = None


async def _restore_approval(session: AsyncSession, file: AppraisalFile) -> None:
    """The recusal was rejected, and the same sheets give the same result: what was approved stands again, without
    anybody's doing, or one order would undo it. Not by an approver who is recused meanwhile."""
    standing = await repository.result(session, file)
    last = file.voided[-1] if file.voided else {}
    if standing is None or last.get("explanation_sha256") != standing.explanation_sha256:
        return
    approver = UUID(last["approved_by"])
    if not await repository.is_walled(session, approver, file.region_code):
        file.state, file.approved_by = FileState.APPROVED, approver


async def grade(session: AsyncSession, job: Job) -> None:
    """`evaluations.grade`: the result over all sheets that count."""
    file = await repository.locked(session, UUID(job.payload["file_id"]))
    assert file is not None  # noqa: S101 - never deleted
    panel = await views.panel_of(session, file)
    await settle_applications(session)
    gates = await views.gates(session, file, panel)
    if file.state != FileState.APPRAISED or gates.refusal is not None:
        # Something came in between. Whoever asked sees it at the file.
        structlog.get_logger().info("grade_not_due", file=str(file.id))
        return
    await _compute(session, file, panel)
    file.state = FileState.GRADED
    await session.flush()
    await record(session, "appraisal_files.grade", resource(file))


async def _compute(session: AsyncSession, file: AppraisalFile, panel: Panel) -> bool:
    """The next version of the result, and True; False where it is what stands already."""
    scheme = await evaluations.scheme_of(session, file.cycle_id)
    cycle = await cycles.one(session, file.cycle_id)
    assert cycle is not None  # noqa: S101 - a foreign key
    assert file.appraisal_score is not None  # noqa: S101 - a file is graded once it is appraised
    explanation = rules.explain(
        scheme.content,
        scheme_sha256=scheme.content_sha256,
        region_code=file.region_code,
        assessment_year=cycle.assessment_year,
        inputs=await repository.inputs(session, file.evaluation_id),
        sheets=await counted_sheets(session, panel.id),
        appraisal=file.appraisal_score,
    )
    sha256 = digest(explanation)
    standing = await repository.result(session, file)
    if standing is not None and standing.explanation_sha256 == sha256:
        return False
    total, grade_code = rules.recompute(explanation)
    file.latest_result = (file.latest_result or 0) + 1
    session.add(
        ResultVersion(
            file_id=file.id,
            number=file.latest_result,
            region_code=file.region_code,
            total=total,
            grade=grade_code,
            explanation=explanation,
            explanation_sha256=sha256,
            computed_at=clock_of(session).now(),
        )
    )
    await session.flush()
    await record(session, "appraisal_files.compute", resource(file), changes={"explanation_sha256": sha256})
    return True


async def publish(session: AsyncSession, job: Job) -> None:
    """`evaluations.publish`: all regions' grades at once, or none."""
    cycle = await cycles.locked(session, UUID(job.payload["cycle_id"]))
    assert cycle is not None  # noqa: S101 - never deleted
    files = await repository.locked_all(session, cycle.id)
    await settle_applications(session)
    if not await _ready(session, cycle, files):
        structlog.get_logger().info("publication_not_due", cycle=str(cycle.id))
        return
    scheme = await evaluations.scheme_of(session, cycle.id)
    results = await repository.results(session, cycle.id)
    publication = await publications.publish(
        session,
        kind="evaluation_results",
        year=cycle.assessment_year,
        title=f"{cycle.assessment_year}年度“两山”转化实践区建设工作评估结果"
        + ("（示例）" if scheme.is_example else ""),
        document=_document(scheme, results),
    )
    now = clock_of(session).now()
    for file, result, _name in results:
        file.state = FileState.PUBLISHED
        session.add(
            DisclosedExplanation(
                file_id=file.id,
                publication_number=publication.number,
                evaluation_id=file.evaluation_id,
                region_code=file.region_code,
                content=result.explanation,
                content_sha256=result.explanation_sha256,
                disclosed_at=now,
            )
        )
    cycle.phase = CyclePhase.PUBLISHED
    await session.flush()
    await record_each(session, "appraisal_files.publish", [resource(file) for file in files])
    await publish_record(session, Occasion(OccasionKind.EVALUATION_CYCLE, cycle.id, published=True))
    changes = {"publication_id": str(publication.id), "content_sha256": publication.content_sha256}
    await record(session, "evaluation_cycles.publish", cycle_resource(cycle), changes=changes)


async def _ready(session: AsyncSession, cycle: EvaluationCycle, files: Sequence[AppraisalFile]) -> bool:
    return (
        cycle.phase == CyclePhase.CLOSED
        and bool(files)
        and all(file.state == FileState.APPROVED for file in files)
        and not any(file.stale or file.blocked_quorum for file in files)
        and not await repository.unfinished(session, cycle.id)
        and not await repository.any_pending(session, [file.region_code for file in files])
    )


def _document(
    scheme: EvaluationScheme, results: Sequence[tuple[AppraisalFile, ResultVersion, str]]
) -> dict[str, object]:
    """What everybody is told: grades by region code. No total, no rank, nothing of a panel."""
    names = {band.code: band.name_zh for band in scheme_of(scheme.content).bands}
    return {
        "scheme": {
            "code": scheme.code,
            "version": scheme.version,
            "sha256": scheme.content_sha256,
            "is_example": scheme.is_example,
        },
        "regions": [
            {
                "region_code": file.region_code,
                "region_name": name,
                "grade": result.grade,
                "grade_name": names[result.grade],
            }
            for file, result, name in results
        ],
    }


HANDLERS = {"evaluations.settle": settle, "evaluations.grade": grade, "evaluations.publish": publish}
