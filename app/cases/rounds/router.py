"""Rounds of typical cases (典型案例遴选, Art. 12)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.cases.rounds import repository, service, views
from app.cases.rounds.dependencies import (
    Manager,
    Reader,
    RoundOccasion,
    RoundRecord,
    RoundToClose,
    RoundToPublish,
    RoundToSelect,
    SeedToCommit,
    SeedToOpen,
    VisibleRound,
)
from app.cases.rounds.schemas import RoundIn, RoundOut, RoundSummary
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import may_answer, router
from app.reviews.seeds import service as seed_service
from app.reviews.seeds import views as seeds
from app.reviews.seeds.dependencies import Party as SeedParty
from app.reviews.seeds.dependencies import Witness
from app.reviews.seeds.schemas import DrawRecordOut, DrawSeedOut, SeedCommitmentIn, ShareIn

routes = router("/v1/case-rounds", tag="cases")


@routes.get("", summary="List case rounds")
async def list_case_rounds(
    _caller: Reader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[RoundSummary]:
    """One a year, the latest first."""
    page = await pages.of(session, repository.listed(), params, repository.ORDER)
    return page.show(RoundSummary.model_validate)


@routes.post(
    "", status_code=201, response_model=RoundOut, summary="Open a case round", dependencies=[may_answer(e.CONFLICT)]
)
async def create_case_round(caller: Manager, session: Session, reply: Replies, body: RoundIn) -> Response:
    """By the office, with the weights of Art. 12's four criteria, which are frozen here. A year has one round (409
    `conflict`, reason `round_exists`)."""
    opened = await service.open_round(session, body)
    shown = await views.show(session, caller, opened)
    return reply(shown, version=opened.version, location=f"/v1/case-rounds/{opened.id}", created=True)


@routes.get("/{round_id}", response_model=RoundOut, summary="Get a case round")
async def get_case_round(caller: Reader, found: VisibleRound, session: Session, reply: Replies) -> Response:
    """The calendar: due date, quota per region, and phase (`open`, `reviewing`, `closed`, `published`)."""
    return reply(await views.show(session, caller, found), version=found.version)


@routes.post("/{round_id}/close", response_model=RoundOut, summary="End the recommending of new cases")
async def close_case_round(caller: Manager, found: RoundToClose, session: Session, reply: Replies) -> Response:
    """From `open` to `reviewing`: what was never recommended stays at home; what was returned may come back."""
    await service.close(session, found)
    shown = await views.show(session, caller, found)
    return reply(shown, version=found.version, location=f"/v1/case-rounds/{found.id}")


@routes.post("/{round_id}/select", status_code=202, response_class=Response, summary="Select the cases")
async def select_case_round(_caller: Manager, found: RoundToSelect, session: Session, reply: Replies) -> Response:
    """遴选. Ends the recommending (phase `closed`), and is accepted for the worker, which computes every total from
    the sheets that count, and takes the best, at most `selected_at_most`. Cases of equal total are treated alike:
    where the last place is shared by more than there is room for, none of these is selected.

    The reason of a 409 `state_conflict` says what is in the way, as far as you may know: `undecided`, `stale`,
    `blocked_quorum`, `application_pending`, `panel_incomplete`. The worker looks at every case again;
    where anything is in the way, nothing happens, and you ask again."""
    await service.request_selection(session, found)
    return reply.asked(location=f"/v1/case-rounds/{found.id}")


@routes.post("/{round_id}/publish", status_code=202, response_class=Response, summary="Publish the selected cases")
async def publish_case_round(_caller: Manager, found: RoundToPublish, session: Session, reply: Replies) -> Response:
    """发布, once the round is `closed`. Accepted for the worker, which publishes if a selection of all cases stands;
    otherwise nothing happens. Refused as selecting is. The answer says nothing of the cases."""
    await service.request_publication(session, found)
    return reply.asked(location=f"/v1/case-rounds/{found.id}")


@routes.get("/{round_id}/draw-seed", response_model=DrawSeedOut, summary="Get the seed of the round's draws")
async def get_round_draw_seed(caller: Witness, occasion: RoundOccasion, session: Session, reply: Replies) -> Response:
    """抽取种子: by whom and when it was committed to, the hash of the frozen list of experts, and how far it is open.
    Shares and list are not shown before the publication: they would tell panels and reserves."""
    shown = await seeds.show(session, caller, occasion)
    return reply(shown, version=shown.version)


@routes.post(
    "/{round_id}/draw-seed/commit",
    response_model=DrawSeedOut,
    summary="Commit to a share of the seed",
)
async def commit_round_share(
    caller: SeedParty, held: SeedToCommit, session: Session, reply: Replies, body: SeedCommitmentIn
) -> Response:
    """承诺: the office and the committee, two people, each record the hash of a share that they made outside. With the
    second commitment the list of experts is frozen: who enters the pool later is not drawn here. While no share is
    open a commitment may be made again, and the list with it; afterwards 409 `state_conflict`, reason `share_open`."""
    await seed_service.commit_share(session, caller, held.occasion, held.seed, body)
    shown = await seeds.show(session, caller, held.occasion)
    return reply(shown, version=shown.version, location=held.occasion.path)


@routes.post("/{round_id}/draw-seed/open", response_model=DrawSeedOut, summary="Open a share of the seed")
async def open_round_share(
    caller: SeedParty, held: SeedToOpen, session: Session, reply: Replies, body: ShareIn
) -> Response:
    """公开份额, once both have committed (409 `state_conflict`, reason `commitments_missing`). What does not hash to
    the commitment is 422 at `/share`, and may be sent again. With both shares the seed stands: SHA-256 of the office's
    digits followed by the committee's, and every draw of the round is determined. It shows nowhere before the
    publication."""
    await seed_service.open_share(session, caller, held.occasion, held.seed, body)
    shown = await seeds.show(session, caller, held.occasion)
    return reply(shown, version=shown.version, location=held.occasion.path)


@routes.get("/{round_id}/draw-record", response_model=DrawRecordOut, summary="Get the record of the round's draws")
async def get_round_draw_record(_caller: Reader, record: RoundRecord, reply: Replies) -> Response:
    """抽取记录, frozen with the publication: shares, seed, the list, and every panel's draws, from which each can be
    repeated (`python -m app draw verify`). Everybody is a pseudonym, in each panel another; exclusions are counts by
    rule over all draws. 404 before the publication, and where nobody was drawn."""
    return reply(DrawRecordOut.model_validate(record.content))
