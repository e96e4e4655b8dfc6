"""Workflows as tables: the verdict on every act, in the API's own order of refusals."""

from itertools import product
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import SCOPE_MISSING
from app.core.workflow import (
    IS_RECUSED,
    OUTSIDE_GRANT,
    SAME_PERSON,
    WRONG_STATE,
    Actor,
    Side,
    Transition,
    Workflow,
)

ME, OTHER = uuid4(), uuid4()
FILING = Workflow(
    "filing",
    [
        Transition("sign", frozenset({"waiting"}), "sent", "sign", Side.REGION, distinct_from=("submit",)),
        Transition("file", frozenset({"sent"}), "filed", "file", Side.LEAGUE),
    ],
)


@given(
    scopes=st.frozensets(st.sampled_from(["sign", "file"])),
    sides=st.frozensets(st.sampled_from(list(Side))),
    recused=st.booleans(),
    state=st.sampled_from(["waiting", "sent", "filed"]),
    author=st.sampled_from([ME, OTHER, None]),
    action=st.sampled_from(["sign", "file"]),
)
def test_the_first_refusal_in_order(
    scopes: frozenset[str], sides: frozenset[Side], recused: bool, state: str, author: object, action: str
) -> None:
    transition = FILING.transitions[action]
    actor = Actor(ME, scopes, sides, recused)
    verdict = FILING.judge(action, state, actor, {"submit": author})  # type: ignore[dict-item]
    conditions = [
        (SCOPE_MISSING, transition.scope not in scopes),
        (OUTSIDE_GRANT, transition.side not in sides),
        (IS_RECUSED, transition.side is Side.LEAGUE and recused),
        (WRONG_STATE, state not in transition.sources),
        (SAME_PERSON, action == "sign" and author == ME),
    ]
    assert verdict.refusal == next((reason for reason, applies in conditions if applies), None)
    assert verdict.allowed == (verdict.refusal is None)


def test_a_resource_answers_for_every_act() -> None:
    actor = Actor(ME, frozenset({"sign", "file"}), frozenset(Side), recused=False)
    allowed = {
        state: [v.action for v in FILING.verdicts(state, actor) if v.allowed] for state in ("waiting", "sent", "filed")
    }
    assert allowed == {"waiting": ["sign"], "sent": ["file"], "filed": []}


def test_a_recusal_bars_handlers_and_never_the_applicant() -> None:
    both = frozenset(Side)
    for action, state in product(("sign", "file"), ("waiting", "sent")):
        free = FILING.judge(action, state, Actor(ME, frozenset({action}), both, recused=False))
        barred = FILING.judge(action, state, Actor(ME, frozenset({action}), both, recused=True))
        assert (barred.refusal == IS_RECUSED) is (action == "file")
        assert action == "file" or barred == free
