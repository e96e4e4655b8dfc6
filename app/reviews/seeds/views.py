"""A seed as one caller meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import OUTSIDE_GRANT, SAME_PERSON, Verdict
from app.models.draws import DrawSeed
from app.reviews.seeds import repository, rules, service
from app.reviews.seeds.rules import Occasion, Party
from app.reviews.seeds.schemas import DrawSeedOut, PartOut


def verdict(action: str, seed: DrawSeed, occasion: Occasion, caller: Caller) -> Verdict:
    """Allowed where it is with any of the caller's parties; the body says with which. What four eyes refuse is said
    before what is merely done already."""
    refusals = [service.refusal(action, seed, occasion, party, caller.id) for party in service.parties_of(caller)]
    if not refusals:
        return Verdict(action, OUTSIDE_GRANT)
    if None in refusals:
        return Verdict(action, None)
    return Verdict(action, SAME_PERSON if SAME_PERSON in refusals else refusals[0])


async def show(session: AsyncSession, caller: Caller, occasion: Occasion) -> DrawSeedOut:
    seed = await repository.seed(session, occasion)
    return DrawSeedOut(
        occasion_kind=occasion.kind,
        occasion_id=occasion.id,
        state=rules.state_of(service.part(seed, party) for party in Party),
        office=_part(seed, Party.OFFICE),
        committee=_part(seed, Party.COMMITTEE),
        candidates_sha256=seed.candidates_sha256,
        frozen_at=seed.frozen_at,
        allowed_actions=shown(verdict(action, seed, occasion, caller) for action in rules.ACTIONS),
        version=seed.version,
    )


def _part(seed: DrawSeed, party: Party) -> PartOut:
    return PartOut(**{name: getattr(seed, f"{party}_{name}") for name in PartOut.model_fields})
