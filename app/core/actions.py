"""A workflow's verdicts as served (`allowed_actions`) and as obeyed: the same table gives both."""

from collections.abc import Iterable

from pydantic import BaseModel

from app.core import errors as e
from app.core.fields import Code, Label
from app.core.workflow import IS_RECUSED, OUTSIDE_GRANT, SAME_PERSON, SCOPE_MISSING, Verdict


class AllowedAction(BaseModel):
    """An act on this resource: whether you may do it now, and if not, why."""

    action: Code
    allowed: bool
    reason: Code | None
    detail: Label | None


def shown(verdicts: Iterable[Verdict]) -> list[AllowedAction]:
    return [
        AllowedAction(
            action=verdict.action,
            allowed=verdict.allowed,
            reason=verdict.refusal.code if verdict.refusal else None,
            detail=f"{verdict.refusal.zh} / {verdict.refusal.en}" if verdict.refusal else None,
        )
        for verdict in verdicts
    ]


def insist(verdict: Verdict, scope: str) -> None:
    """Raise what a refused verdict stands for: 403, 403 `recused`, 409 state, 409 four eyes."""
    match verdict.refusal:
        case None:
            return
        case refusal if refusal == SCOPE_MISSING:
            raise e.InsufficientScope(scope)
        case refusal if refusal == OUTSIDE_GRANT:
            raise e.Forbidden(refusal)
        case refusal if refusal == IS_RECUSED:
            raise e.Recused(refusal)
        case refusal if refusal == SAME_PERSON:
            raise e.FourEyes(refusal)
        case refusal:
            raise e.StateConflict(refusal)
