"""Use cases of the seed: commit, open, use, publish."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.clock import league_date
from app.core.db import clock_of, ids_of
from app.core.workflow import OUTSIDE_GRANT, SAME_PERSON, WRONG_STATE
from app.models.draws import DrawRecord, DrawSeed
from app.models.identity import Role
from app.models.reviews import Draw
from app.reviews.seeds import repository, rules
from app.reviews.seeds.rules import Occasion, Part, Party
from app.reviews.seeds.schemas import SeedCommitmentIn, ShareIn

_ROLES = {Party.OFFICE: Role.LEAGUE_OFFICE, Party.COMMITTEE: Role.LEAGUE_COMMITTEE}


def parties_of(caller: Caller) -> list[Party]:
    """For whom the caller could give a share. Whether they are recused from anything is not asked: once committed,
    nothing is theirs to choose."""
    return [party for party, role in _ROLES.items() if role in caller.roles]


def part(seed: DrawSeed, party: Party) -> Part:
    members = ("commitment", "committed_by", "opened_by")
    return Part(**{name: getattr(seed, f"{party}_{name}") for name in members})


def refusal(action: str, seed: DrawSeed, occasion: Occasion, party: Party, person: UUID) -> e.Reason | None:
    own, other = part(seed, party), part(seed, party.other)
    return rules.refusal(action, own, other, person, published=occasion.published)


async def commit_share(
    session: AsyncSession, caller: Caller, occasion: Occasion, seed: DrawSeed, body: SeedCommitmentIn
) -> None:
    """Raises `Forbidden` for a party that is not the caller's, `StateConflict`, `FourEyes`."""
    _insist("commit", seed, occasion, body.party, caller)
    if body.commitment == part(seed, body.party.other).commitment:
        # Or a copy of the other's could never be opened by who made it.
        raise e.Invalid(e.FieldError("/commitment", "duplicate"))
    now, ids = clock_of(session).now(), ids_of(session)
    taken = await repository.commit_share(
        session,
        occasion,
        body.party,
        body.commitment,
        # Two ids, so that nobody finds the list by trying who is on it.
        salt=ids.random().hex + ids.random().hex,
        at=now,
        on_day=league_date(now),
    )
    _taken(taken)
    await record(session, "draw_seeds.commit", resource(occasion), changes=body.model_dump(mode="json"))


async def open_share(session: AsyncSession, caller: Caller, occasion: Occasion, seed: DrawSeed, body: ShareIn) -> None:
    """Also `Invalid` for a share that was not committed to: the ceremony is as far as before."""
    _insist("open", seed, occasion, body.party, caller)
    _taken(await repository.open_share(session, occasion, body.party, body.share, at=clock_of(session).now()))
    # The share stays out of the audit: it would tell what is closed until the publication.
    await record(session, "draw_seeds.open", resource(occasion), changes={"party": body.party})


def _insist(action: str, seed: DrawSeed, occasion: Occasion, party: Party, caller: Caller) -> None:
    if party not in parties_of(caller):
        raise e.Forbidden(OUTSIDE_GRANT)
    match refusal(action, seed, occasion, party, caller.id):
        case None:
            return
        case reason if reason == SAME_PERSON:
            raise e.FourEyes(reason)
        case reason:
            raise e.StateConflict(reason)


def _taken(answer: str) -> None:
    """What the gate says: it looks at everything again, whatever was looked at before."""
    match answer:
        case "taken":
            return
        case "wrong_share":
            raise e.Invalid(e.FieldError("/share", "not_committed_to"))
        case "same_person":
            raise e.FourEyes(SAME_PERSON)
        case _:
            raise e.StateConflict(WRONG_STATE)


def resource(occasion: Occasion) -> Resource:
    return Resource(occasion.kind, occasion.id)


# From here on for jobs only.


@dataclass(frozen=True, slots=True)
class Urn:
    """What a draw is made from: its key, and everybody on the frozen list by the pseudonym of this panel."""

    number: int
    key: str
    names: Mapping[UUID, str]

    def order(self, people: Iterable[UUID]) -> list[UUID]:
        holders = {self.names[person]: person for person in people}
        return [holders[name] for name in rules.drawn_in_order(self.key, holders)]

    def candidates(self, people: Iterable[UUID]) -> list[str]:
        return sorted(self.names[person] for person in people)


async def urn(session: AsyncSession, occasion_id: UUID, subject_id: UUID, *, number: int) -> Urn | None:
    """None while the shares are not open: nobody can be drawn."""
    secret = await repository.secret(session, occasion_id)
    if secret is None or secret.office_share is None or secret.committee_share is None:
        return None
    seed = rules.seed_of(secret.office_share, secret.committee_share)
    names = {person: rules.pseudonym(secret.salt, subject_id, person) for person in secret.people}
    return Urn(number, rules.key_of(seed, subject_id, number), names)


async def publish_record(session: AsyncSession, occasion: Occasion) -> None:
    """Opens seed, list and draws with the publication; once, as they stand then. Nothing where nobody was drawn by a
    seed: all panels were named, or drawn before there was one."""
    secret = await repository.secret(session, occasion.id)
    if secret is None or secret.office_share is None or secret.committee_share is None:
        return
    if await repository.record(session, occasion.id) is not None:
        return
    seed = await repository.seed(session, occasion)
    draws = await repository.draws(session, occasion.id)
    shares = {Party.OFFICE: secret.office_share, Party.COMMITTEE: secret.committee_share}
    content: dict[str, Any] = {
        "occasion_kind": occasion.kind,
        "occasion_id": str(occasion.id),
        **{party: _opened(seed, party, share) for party, share in shares.items()},
        "seed": rules.seed_of(secret.office_share, secret.committee_share),
        "candidates": rules.listed(secret.salt, secret.people),
        "candidates_sha256": seed.candidates_sha256,
        "frozen_at": seed.frozen_at.isoformat() if seed.frozen_at else None,
        "excluded": _excluded(draw for _, draw in draws),
        "panels": [
            {"subject_id": str(subject), "draws": [_draw(draw) for _, draw in of_panel]}
            for subject, of_panel in groupby(draws, key=lambda pair: pair[0])
        ],
    }
    made = DrawRecord(
        occasion_id=occasion.id,
        kind=occasion.kind,
        content=content,
        content_sha256=digest(content),
        published_at=clock_of(session).now(),
    )
    session.add(made)
    await session.flush()
    noted = {"content_sha256": made.content_sha256}
    await record(session, "draw_seeds.publish", resource(occasion), changes=noted)


def _opened(seed: DrawSeed, party: Party, share: str) -> dict[str, Any]:
    times = {name: getattr(seed, f"{party}_{name}").isoformat() for name in ("committed_at", "opened_at")}
    return {"commitment": getattr(seed, f"{party}_commitment"), "share": share, **times}


def _excluded(draws: Iterable[Draw]) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for draw in draws:
        counts.update(draw.excluded)
    return [{"rule": rule, "count": count} for rule, count in sorted(counts.items())]


def _draw(draw: Draw) -> dict[str, Any]:
    members: Sequence[str] = ("number", "candidates", "candidates_sha256", "drawn", "seated")
    return {name: getattr(draw, name) for name in members}
