"""Workflows as tables: pure values that say which act is possible, by whom, and why not.

A resource answers its own `allowed_actions` from the same table that the service obeys, and the docs
draw it. No SQL, no HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.core.errors import SCOPE_MISSING, Reason

WRONG_STATE = Reason("wrong_state", "当前状态不允许此操作", "The state does not allow this act")
OUTSIDE_GRANT = Reason("outside_grant", "不在您的授权范围内", "Outside what your grants cover")
IS_RECUSED = Reason("recused", "您已就该对象回避", "You are recused from this subject")
SAME_PERSON = Reason("same_person", "经办人不得审核自己经办的事项", "Whoever prepared it may not approve it")


class Side(StrEnum):
    """On whose behalf an act is done: the region's own (an applicant's), or the league's (a handler's).

    A recusal bars handlers; staff of the region itself do what any applicant may (Art. 11).
    """

    REGION = "region"
    LEAGUE = "league"


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a table. `distinct_from` names earlier acts whose authors may not do this one (four eyes)."""

    action: str
    sources: frozenset[str]
    target: str | None
    scope: str
    side: Side
    distinct_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """What the table needs to know of the caller; `on_side` says for which sides the grants reach this resource."""

    id: UUID | None
    scopes: frozenset[str]
    on_side: frozenset[Side]
    recused: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    action: str
    refusal: Reason | None

    @property
    def allowed(self) -> bool:
        return self.refusal is None


class Workflow:
    """A closed table of transitions."""

    def __init__(self, name: str, transitions: Iterable[Transition]) -> None:
        self.name = name
        self.transitions = {transition.action: transition for transition in transitions}

    def judge(self, action: str, state: str, actor: Actor, authors: dict[str, UUID | None] | None = None) -> Verdict:
        """Whether `actor` may do `action` now; the first refusal in the API's own order of refusals.

        `authors`: who did the earlier acts (`{"submit": person}`), for four eyes.
        """
        transition = self.transitions[action]
        return Verdict(action, self._refusal(transition, state, actor, authors or {}))

    def _refusal(
        self, transition: Transition, state: str, actor: Actor, authors: dict[str, UUID | None]
    ) -> Reason | None:
        if transition.scope not in actor.scopes:
            return SCOPE_MISSING
        if transition.side not in actor.on_side:
            return OUTSIDE_GRANT
        if transition.side is Side.LEAGUE and actor.recused:
            return IS_RECUSED
        if state not in transition.sources:
            return WRONG_STATE
        if any(authors.get(earlier) == actor.id for earlier in transition.distinct_from):
            return SAME_PERSON
        return None

    def verdicts(self, state: str, actor: Actor, authors: dict[str, UUID | None] | None = None) -> list[Verdict]:
        return [self.judge(action, state, actor, authors) for action in self.transitions]
