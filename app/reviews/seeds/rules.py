"""The seed's pure part: who may commit and open when, and how seed, pseudonyms and order are made (随机抽取).

Everything is SHA-256 over UTF-8 text, so that anybody can do it again with the simplest tools:

- commitment of a share (64 to 256 hexadecimal digits): H(share)
- seed: H(office share ‖ committee share)
- key of a draw: H(seed : subject of the panel), of its later ones H(seed : subject : number of the draw)
- order: by H(key ‖ pseudonym)

**Pseudonyms.** The list of the pool is frozen as H(salt : person). In a panel somebody is H(salt : subject : person),
another name in each: with one name for all panels, whoever once sat with somebody, and so knows in which panels that
person was drawn, would find the name by it, and see from which regions' lists it is missing: who is recused from
where. The salt is fixed, by the hash of the list that it makes, before either share is open, so that nobody tries
salts until the order suits; it is never opened. So positions are verifiable by everybody, and people by nobody but who
may see the salt: nobody is told the own pseudonym in a panel either, for the lists would tell of an exclusion.

For the same reason exclusions are opened as sums over the whole cycle or round: by panel, a region would read from
them that its application against an expert has hit.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.core.errors import Reason
from app.core.workflow import SAME_PERSON, WRONG_STATE
from app.models.draws import OccasionKind

SEED_NOT_OPEN = Reason("seed_not_open", "抽取种子尚未公开份额", "The two shares of the draw's seed are not open yet")
SHARE_OPEN = Reason("share_open", "已有份额公开，不得再作承诺", "A share is open: nothing is committed any more")
UNCOMMITTED = Reason("commitments_missing", "双方承诺尚未齐备", "Both must commit before either share is opened")

SCOPE = "draws:seed"


class Party(StrEnum):
    """Whose share it is."""

    OFFICE = "office"
    COMMITTEE = "committee"

    @property
    def other(self) -> "Party":
        return Party.COMMITTEE if self is Party.OFFICE else Party.OFFICE


@dataclass(frozen=True, slots=True)
class Occasion:
    """The cycle or round for which members are drawn; `path` is where its seed is found."""

    kind: OccasionKind
    id: UUID
    published: bool

    @property
    def path(self) -> str:
        return f"/v1/{self.kind.replace('_', '-')}s/{self.id}/draw-seed"


class SeedState(StrEnum):
    COMMITTING = "committing"
    COMMITTED = "committed"
    OPENING = "opening"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Part:
    """What one party has done."""

    commitment: str | None
    committed_by: UUID | None
    opened_by: UUID | None


ACTIONS = ("commit", "open")


def state_of(parts: Iterable[Part]) -> SeedState:
    listed = list(parts)
    opened = sum(part.opened_by is not None for part in listed)
    if opened:
        return SeedState.OPEN if opened == len(listed) else SeedState.OPENING
    return SeedState.COMMITTED if all(part.commitment for part in listed) else SeedState.COMMITTING


def refusal(action: str, own: Part, other: Part, person: UUID, *, published: bool) -> Reason | None:
    """Why this person may not do it with this party's share now: the calendar and the order of steps first."""
    if published:
        return WRONG_STATE
    if action == "commit":
        if own.opened_by is not None or other.opened_by is not None:
            return SHARE_OPEN
        return SAME_PERSON if other.committed_by == person else None
    if own.commitment is None or other.commitment is None:
        return UNCOMMITTED
    if own.opened_by is not None:
        return WRONG_STATE
    return SAME_PERSON if person in {other.committed_by, other.opened_by} else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seed_of(office_share: str, committee_share: str) -> str:
    return _hash(office_share + committee_share)


def key_of(seed: str, subject_id: UUID, number: int) -> str:
    """Of a panel's draw: whatever happens later, its order is settled before anybody scores."""
    return _hash(f"{seed}:{subject_id}" if number == 1 else f"{seed}:{subject_id}:{number}")


def listed(salt: str, people: Iterable[UUID]) -> list[str]:
    """The frozen list of the pool: sorted, so that its order tells nothing."""
    return sorted(_hash(f"{salt}:{person}") for person in people)


def pseudonym(salt: str, subject_id: UUID, person: UUID) -> str:
    """Somebody's name in the draws of one panel."""
    return _hash(f"{salt}:{subject_id}:{person}")


def drawn_in_order(key: str, candidates: Iterable[str]) -> list[str]:
    """The same key gives the same order, in whatever order candidates come."""
    return sorted(candidates, key=lambda name: hashlib.sha256((key + name).encode()).digest())
