"""A workflow's verdicts as served (`allowed_actions`) and as obeyed: the same table gives both."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from app.core import errors as e
from app.core.fields import Code, Label
from app.core.language import say
from app.core.workflow import IS_RECUSED, OUTSIDE_GRANT, SAME_PERSON, Side, Transition, Verdict


class AllowedAction(BaseModel):
    """An act on this resource: whether you may do it now, and if not, why."""

    action: Code = Field(description="The last part of the act's path; `edit`, `update` and `delete` are methods.")
    allowed: bool
    reason: Code | None = Field(
        description="Null where it is allowed, else the `reason` with which it would be refused (`x-reasons`).",
        examples=["wrong_state"],
    )
    detail: Label | None = Field(description="The same in words.", examples=["当前状态不允许此操作"])


def shown(verdicts: Iterable[Verdict]) -> list[AllowedAction]:
    return [
        AllowedAction(
            action=verdict.action,
            allowed=verdict.allowed,
            reason=verdict.refusal.code if verdict.refusal else None,
            detail=say(verdict.refusal.zh, verdict.refusal.en) if verdict.refusal else None,
        )
        for verdict in verdicts
    ]


def refusals(*transitions: Transition) -> tuple[e.ProblemType, ...]:
    """What `insist` can raise for these lines of a table. A recusal bars acts of the league's side only."""
    found = [e.INSUFFICIENT_SCOPE, e.FORBIDDEN, e.STATE_CONFLICT]
    if any(transition.side is Side.LEAGUE for transition in transitions):
        found.append(e.RECUSED)
    if any(transition.distinct_from for transition in transitions):
        found.append(e.FOUR_EYES)
    return tuple(found)


def insist(verdict: Verdict, *scopes: str) -> None:
    """Raise what a refused verdict stands for: 403, 403 `recused`, 409 state, 409 four eyes. `scopes`: any of which
    would do."""
    match verdict.refusal:
        case None:
            return
        case refusal if refusal == e.SCOPE_MISSING:
            raise e.InsufficientScope(*scopes)
        case refusal if refusal == OUTSIDE_GRANT:
            raise e.Forbidden(refusal)
        case refusal if refusal == IS_RECUSED:
            raise e.Recused(refusal)
        case refusal if refusal == SAME_PERSON:
            raise e.FourEyes(refusal)
        case refusal:
            raise e.StateConflict(refusal)
