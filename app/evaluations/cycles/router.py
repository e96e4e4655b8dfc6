"""Evaluation cycles (年度评估, Art. 9)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import may_answer, router
from app.evaluations.cycles import repository, service
from app.evaluations.cycles.dependencies import (
    CycleOccasion,
    CycleRecord,
    CycleToClose,
    CycleToPublish,
    Manager,
    Reader,
    SeedToCommit,
    SeedToOpen,
    VisibleCycle,
)
from app.evaluations.cycles.schemas import CycleIn, CycleOut, CycleSummary
from app.evaluations.cycles.views import show
from app.reviews.seeds import service as seed_service
from app.reviews.seeds import views as seeds
from app.reviews.seeds.dependencies import Party as SeedParty
from app.reviews.seeds.dependencies import Witness
from app.reviews.seeds.schemas import DrawRecordOut, DrawSeedOut, SeedCommitmentIn, ShareIn

routes = router("/v1/evaluation-cycles", tag="evaluations")


@routes.get("", summary="List evaluation cycles")
async def list_evaluation_cycles(
    _caller: Reader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[CycleSummary]:
    """One a year, the latest first."""
    page = await pages.of(session, repository.listed(), params, repository.ORDER)
    return page.show(CycleSummary.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=CycleOut,
    summary="Open an evaluation cycle",
    dependencies=[may_answer(e.CONFLICT)],
)
async def create_evaluation_cycle(caller: Manager, session: Session, reply: Replies, body: CycleIn) -> Response:
    """开展年度评估, by the office: of a year that is over, by a method that is frozen here by its hash. A year has one
    cycle (409 `conflict`, reason `cycle_exists`)."""
    cycle = await service.open_cycle(session, body)
    location = f"/v1/evaluation-cycles/{cycle.id}"
    return reply(await show(session, caller, cycle), version=cycle.version, location=location, created=True)


@routes.get("/{cycle_id}", response_model=CycleOut, summary="Get an evaluation cycle")
async def get_evaluation_cycle(caller: Reader, cycle: VisibleCycle, session: Session, reply: Replies) -> Response:
    """The calendar: due date and phase (`open`, `reviewing`, `closed`, `published`)."""
    return reply(await show(session, caller, cycle), version=cycle.version)


@routes.post("/{cycle_id}/close", response_model=CycleOut, summary="Close the cycle's present phase")
async def close_evaluation_cycle(caller: Manager, cycle: CycleToClose, session: Session, reply: Replies) -> Response:
    """From `open` to `reviewing`: no self-evaluation is opened any more, those under way are finished and sent.
    From `reviewing` to `closed`: none is sent any more; refused (409 `state_conflict`, reason
    `undecided`) while one waits for an answer."""
    await service.close(session, cycle)
    return reply(
        await show(session, caller, cycle), version=cycle.version, location=f"/v1/evaluation-cycles/{cycle.id}"
    )


@routes.post("/{cycle_id}/publish", status_code=202, response_class=Response, summary="Publish the results")
async def publish_evaluation_cycle(
    _caller: Manager, cycle: CycleToPublish, session: Session, reply: Replies
) -> Response:
    """公布, once the cycle is `closed`. As far as you may know, every file must be approved (409 `state_conflict`,
    reason `not_approved`). The worker looks at every file again: it publishes all, and the phase becomes `published`,
    or, where anything is stale, blocked or waiting for a decision, nothing."""
    await service.request_publication(session, cycle)
    return reply.asked(location=f"/v1/evaluation-cycles/{cycle.id}")


@routes.get("/{cycle_id}/draw-seed", response_model=DrawSeedOut, summary="Get the seed of the cycle's draws")
async def get_cycle_draw_seed(caller: Witness, occasion: CycleOccasion, session: Session, reply: Replies) -> Response:
    """抽取种子: by whom and when it was committed to, the hash of the frozen list of experts, and how far it is open.
    Shares and list are not shown before the publication: they would tell panels and reserves."""
    shown = await seeds.show(session, caller, occasion)
    return reply(shown, version=shown.version)


@routes.post(
    "/{cycle_id}/draw-seed/commit",
    response_model=DrawSeedOut,
    summary="Commit to a share of the seed",
)
async def commit_cycle_share(
    caller: SeedParty, held: SeedToCommit, session: Session, reply: Replies, body: SeedCommitmentIn
) -> Response:
    """承诺: the office and the committee, two people, each record the hash of a share that they made outside. With the
    second commitment the list of experts is frozen: who enters the pool later is not drawn here. While no share is
    open a commitment may be made again, and the list with it; afterwards 409 `state_conflict`, reason `share_open`."""
    await seed_service.commit_share(session, caller, held.occasion, held.seed, body)
    shown = await seeds.show(session, caller, held.occasion)
    return reply(shown, version=shown.version, location=held.occasion.path)


@routes.post("/{cycle_id}/draw-seed/open", response_model=DrawSeedOut, summary="Open a share of the seed")
async def open_cycle_share(
    caller: SeedParty, held: SeedToOpen, session: Session, reply: Replies, body: ShareIn
) -> Response:
    """公开份额, once both have committed (409 `state_conflict`, reason `commitments_missing`). What does not hash to
    the commitment is 422 at `/share`, and may be sent again. With both shares the seed stands: SHA-256 of the office's
    digits followed by the committee's, and every draw of the cycle is determined. It shows nowhere before the
    publication."""
    await seed_service.open_share(session, caller, held.occasion, held.seed, body)
    shown = await seeds.show(session, caller, held.occasion)
    return reply(shown, version=shown.version, location=held.occasion.path)


@routes.get("/{cycle_id}/draw-record", response_model=DrawRecordOut, summary="Get the record of the cycle's draws")
async def get_cycle_draw_record(_caller: Reader, record: CycleRecord, reply: Replies) -> Response:
    """抽取记录, frozen with the publication: shares, seed, the list, and every panel's draws, from which each can be
    repeated (`python -m app draw verify`). Everybody is a pseudonym, in each panel another; exclusions are counts by
    rule over all draws. 404 before the publication, and where nobody was drawn."""
    return reply(DrawRecordOut.model_validate(record.content))
