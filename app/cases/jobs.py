"""What the worker does to the judgement on cases: settle after a repair, select, publish. It sees all rows, so that
no wall falsifies a selection; whatever a request was told, every condition is looked at again here, under the lock.

The round is locked before its files, the files in one order.
"""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.cases.files import repository, rules, views
from app.cases.files.service import resource
from app.cases.rounds import repository as rounds
from app.cases.rounds.rules import UNDECIDED, document, selected
from app.cases.rounds.service import resource as round_resource
from app.core.audit import record, record_each
from app.core.canonical import digest
from app.core.errors import Reason
from app.declarations.repository import settle_applications
from app.evaluations.files.repository import repair_waits
from app.models.cases import CaseFile, CaseFileState, CaseRound, RoundPhase
from app.models.draws import OccasionKind
from app.models.jobs import Job
from app.models.reviews import Panel
from app.publications import service as publications
from app.reviews.repository import counted_sheets
from app.reviews.rules import PanelState
from app.reviews.seeds.rules import Occasion
from app.reviews.seeds.service import publish_record


async def settle(session: AsyncSession, job: Job) -> None:
    """`cases.settle`: a panel moved."""
    file = await repository.locked_of(session, UUID(job.payload["subject_id"]))
    assert file is not None  # noqa: S101 - made with its panel, never deleted
    panel = await views.panel_of(session, file)
    if await repair_waits(session, panel.id):
        return
    whole = panel.state == PanelState.COMPLETE and not await repository.application_pending(session, file)
    settled = rules.settle(CaseFileState(file.state), touched=file.stale, whole=whole)
    before = (file.state, file.stale, file.blocked_quorum)
    if settled.state == CaseFileState.UNDER_REVIEW:
        file.total = file.explanation = None
    elif settled.compute:
        await _compute(session, file, panel)
    file.state, file.stale = settled.state, False
    file.blocked_quorum = panel.state == PanelState.BLOCKED_QUORUM
    await session.flush()
    if (file.state, file.stale, file.blocked_quorum) != before:
        await record(session, "case_files.settle", resource(file))


async def select(session: AsyncSession, job: Job) -> None:
    """`cases.select`: the totals of all cases of the round, and the best of them; or nothing at all."""
    held, files = await _held(session, job)
    refusal = await _in_the_way(session, held)
    if refusal is not None or held.phase != RoundPhase.CLOSED:
        structlog.get_logger().info("selection_not_due", round=str(held.id), reason=refusal and refusal.code)
        return
    totals = [(file.id, await _compute(session, file, await views.panel_of(session, file))) for file in files]
    best = selected(totals, held.selected_at_most)
    for file in files:
        file.state = CaseFileState.SELECTED if file.id in best else CaseFileState.NOT_SELECTED
    await session.flush()
    await record_each(session, "case_files.select", [resource(file) for file in files])
    await record(session, "case_rounds.select", round_resource(held))


async def publish(session: AsyncSession, job: Job) -> None:
    """`cases.publish`: all selected cases at once, or none."""
    held, files = await _held(session, job)
    refusal = await _in_the_way(session, held)
    decided = bool(files) and all(file.state in rules.DECIDED for file in files)
    if refusal is not None or not decided or held.phase != RoundPhase.CLOSED:
        structlog.get_logger().info("publication_not_due", round=str(held.id), reason=refusal and refusal.code)
        return
    chosen = [file for file in files if file.state == CaseFileState.SELECTED]
    contents = await repository.contents(session, [file.case_id for file in chosen])
    publication = await publications.publish(
        session,
        kind="cases",
        year=held.year,
        title=held.title,
        document=document(held.criteria_sha256, contents),
    )
    for file in chosen:
        file.state = CaseFileState.PUBLISHED
    held.phase = RoundPhase.PUBLISHED
    await session.flush()
    await record_each(session, "case_files.publish", [resource(file) for file in chosen])
    await publish_record(session, Occasion(OccasionKind.CASE_ROUND, held.id, published=True))
    changes = {"publication_id": str(publication.id), "content_sha256": publication.content_sha256}
    await record(session, "case_rounds.publish", round_resource(held), changes=changes)


async def _held(session: AsyncSession, job: Job) -> tuple[CaseRound, Sequence[CaseFile]]:
    held = await rounds.locked(session, UUID(job.payload["round_id"]))
    assert held is not None  # noqa: S101 - never deleted
    files = await repository.locked_all(session, held.id)
    await settle_applications(session)
    return held, files


async def _in_the_way(session: AsyncSession, held: CaseRound) -> Reason | None:
    if await rounds.has_undecided(session, held.id):
        return UNDECIDED
    return (await rounds.in_the_way(session, held.id)).refusal


async def _compute(session: AsyncSession, file: CaseFile, panel: Panel) -> Decimal:
    """Judgement values stand in the audit as a hash."""
    sheets = await counted_sheets(session, panel.id)
    total = rules.total_of(panel.criteria, sheets)
    explanation = rules.explain(panel.criteria, sheets)
    if explanation != file.explanation:
        file.total, file.explanation = total, explanation
        await session.flush()
        noted = {"explanation_sha256": digest(explanation)}
        await record(session, "case_files.compute", resource(file), changes=noted)
    return total


HANDLERS = {"cases.settle": settle, "cases.select": select, "cases.publish": publish}
