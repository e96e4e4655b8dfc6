"""The seed of the year's draws (Art. 9, 13): of the office and of the committee one share each, from two people. About
no region, so that it waits for who is recused from one, too."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, func, literal, or_
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.models.cases import CaseRound, RoundPhase
from app.models.draws import DrawSeed
from app.models.evaluations import CyclePhase, EvaluationCycle
from app.models.identity import Role
from app.tasks.waiting.parts import NOWHERE, handles, part
from app.tasks.waiting.schemas import WaitingKind

_PARTIES = {Role.LEAGUE_OFFICE: ("office", "committee"), Role.LEAGUE_COMMITTEE: ("committee", "office")}


def parts(caller: Caller) -> Iterable[Select[Any]]:
    parties = [named for role, named in _PARTIES.items() if role in caller.roles]
    if parties and handles(caller, "draws:seed"):
        yield _of_cycles(caller, parties)
        yield _of_rounds(caller, parties)


def _of_cycles(caller: Caller, parties: list[tuple[str, str]]) -> Select[Any]:
    title = cast(EvaluationCycle.assessment_year, Text) + literal("年度评估专家抽取", Text)
    place, named = "/v1/evaluation-cycles/", EvaluationCycle.id.expression
    found = part(_kind(), named, title, place, NOWHERE, None, within="/draw-seed")
    seeded = found.join_from(EvaluationCycle, DrawSeed, DrawSeed.occasion_id == EvaluationCycle.id, isouter=True)
    return seeded.where(EvaluationCycle.phase != CyclePhase.PUBLISHED, _mine(caller, parties))


def _of_rounds(caller: Caller, parties: list[tuple[str, str]]) -> Select[Any]:
    title = func.concat(CaseRound.title, literal("：专家抽取", Text))
    found = part(_kind(), CaseRound.id.expression, title, "/v1/case-rounds/", NOWHERE, None, within="/draw-seed")
    seeded = found.join_from(CaseRound, DrawSeed, DrawSeed.occasion_id == CaseRound.id, isouter=True)
    return seeded.where(CaseRound.phase != RoundPhase.PUBLISHED, _mine(caller, parties))


def _kind() -> ColumnElement[str]:
    both = DrawSeed.frozen_at.is_not(None)
    return case(
        (both, literal(WaitingKind.OPEN_SHARE.value, Text)), else_=literal(WaitingKind.COMMIT_SHARE.value, Text)
    )


def _mine(caller: Caller, parties: list[tuple[str, str]]) -> ColumnElement[bool]:
    """The next step of a party of the caller's, unless the other party's was the caller's."""
    return or_(*(_next(caller, own, other) for own, other in parties))


def _next(caller: Caller, own: str, other: str) -> ColumnElement[bool]:
    def column(party: str, name: str) -> ColumnElement[Any]:
        found: ColumnElement[Any] = getattr(DrawSeed, f"{party}_{name}").expression
        return found

    committing = and_(DrawSeed.frozen_at.is_(None), column(own, "commitment").is_(None))
    opening = and_(DrawSeed.frozen_at.is_not(None), column(own, "opened_at").is_(None))
    return and_(
        or_(committing, opening),
        column(other, "committed_by").is_distinct_from(caller.id),
        column(other, "opened_by").is_distinct_from(caller.id),
    )
