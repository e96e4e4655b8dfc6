"""Checks of eligibility (Art. 11)."""

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.routing import may_answer, router
from app.declarations.eligibility import service
from app.declarations.eligibility.schemas import EligibilityCheckIn, EligibilityCheckOut
from app.declarations.recusals.dependencies import Reader

routes = router("/v1/eligibility-checks", tag="declarations")


@routes.post("", summary="Check who is eligible", dependencies=[may_answer(e.RECUSED, e.FORBIDDEN)])
async def check_eligibility(caller: Reader, session: Session, body: EligibilityCheckIn) -> EligibilityCheckOut:
    """People against subjects, in one capacity, before anybody is contacted: `eligible`, `ineligible` or `unknown`,
    with the rules that apply and the facts they were found by.

    Codes and dates decide (employment, posting, bodies above and below, projects, what a person prepared), names are
    hints. Of a recusal it says only that there is one. It changes nothing and is not kept: a draw, an assignment and
    every act on it are checked again, under the lock of the person. 403 `recused` for a subject that you are recused
    from."""
    return await service.check(session, caller, body)
