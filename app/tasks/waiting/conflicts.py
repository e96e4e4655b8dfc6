"""What Art. 11 asks for: of everybody who judges, and of those who decide on recusals.

Recusals are there for whom the row policies show them: not for the person concerned, nor for who is walled from, or
staff of, what they are about.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Text, literal, select

from app.auth.principal import Caller, role_scopes
from app.auth.scopes import CONDITIONS, JUDGING
from app.models.declarations import Recusal, RecusalDecision, RecusalState
from app.models.identity import Person
from app.tasks.waiting.parts import NOWHERE, handles, part
from app.tasks.waiting.schemas import WaitingKind

# By the condition that it meets: what to do, where, and its name.
_YEARLY = {
    "commitment": (WaitingKind.SIGN_COMMITMENT, "/v1/commitments", "年度廉洁自律承诺"),
    "declaration": (WaitingKind.MAKE_DECLARATION, "/v1/declarations", "年度利害关系申报"),
}
_OPEN = (RecusalState.PENDING, RecusalState.PROVISIONAL)


def parts(caller: Caller, year: int) -> Iterable[Select[Any]]:
    yield from _of_the_year(caller, year)
    if handles(caller, "recusals:decide"):
        yield _recusals(caller, WaitingKind.DECIDE_RECUSAL, "回避决定").where(
            Recusal.state.in_(_OPEN), Recusal.initiated_by.is_distinct_from(caller.id)
        )
        yield _to_lift(caller)


def _of_the_year(caller: Caller, year: int) -> Iterable[Select[Any]]:
    """What the judging scopes of the caller's roles need this year, and is not made yet."""
    if "declarations:write" not in caller.scopes:
        return
    judging = role_scopes(caller.grants) & JUDGING
    needed = frozenset().union(*(CONDITIONS[scope] for scope in judging)) - caller.met
    for condition, (kind, place, name) in _YEARLY.items():
        if condition in needed:
            yield part(kind, literal(caller.id), literal(f"{year}{name}", Text), place, NOWHERE, None)


def _recusals(caller: Caller, kind: WaitingKind, what: str) -> Select[Any]:
    title = Person.name + literal(f"：{what}", Text)
    due_on = Recusal.due_on.expression if kind is WaitingKind.DECIDE_RECUSAL else None
    found = part(kind, Recusal.id.expression, title, "/v1/recusals/", Recusal.region_code.expression, due_on)
    return found.join_from(Recusal, Person, Person.id == Recusal.person_id).where(Recusal.person_id != caller.id)


def _to_lift(caller: Caller) -> Select[Any]:
    """Whose lifting another decider proposed: it takes a second one."""
    proposals = select(RecusalDecision.id).where(
        RecusalDecision.recusal_id == Recusal.id, RecusalDecision.outcome == "lift_proposed"
    )
    return _recusals(caller, WaitingKind.LIFT_RECUSAL, "解除回避").where(
        Recusal.state == RecusalState.IN_FORCE,
        proposals.where(RecusalDecision.decided_by != caller.id).exists(),
        ~proposals.where(RecusalDecision.decided_by == caller.id).exists(),
    )
