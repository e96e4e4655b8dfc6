"""What may be done with a pair of projects from two systems, by whom and when (pure)."""

from uuid import UUID

from app.core.errors import Reason
from app.core.workflow import Actor, Side, Transition, Verdict, Workflow
from app.projects.rules import ADMIT

_PROPOSERS = ("propose", "propose-other")

# Whoever proposed one of the two does not decide what they are. What was decided may be opened again, with a reason.
MATCHES = Workflow(
    "project_match",
    (
        Transition("same", frozenset({"open"}), "same", ADMIT, Side.LEAGUE, distinct_from=_PROPOSERS),
        Transition("distinct", frozenset({"open"}), "distinct", ADMIT, Side.LEAGUE, distinct_from=_PROPOSERS),
        Transition("reopen", frozenset({"same", "distinct"}), "open", ADMIT, Side.LEAGUE, distinct_from=_PROPOSERS),
    ),
)

IS_A_VERSION = Reason(
    "is_a_version",
    "其中一个已被认定为另一项目的来源版本，请先处理那一对",
    "One of the two is only a version of another project: see to that pair first",
)
HAS_VERSIONS = Reason(
    "has_versions",
    "该项目已有其他来源版本归并于它，请保留它，或先重新打开那些对",
    "Other versions belong to this project: keep it, or open those pairs again first",
)


def over_both(one: Actor, other: Actor) -> Actor:
    """Who acts on a pair must be able to act on each of the two."""
    return Actor(one.id, one.scopes & other.scopes, one.on_side & other.on_side, one.recused or other.recused)


def judge(action: str, state: str, actor: Actor, proposers: tuple[UUID | None, UUID | None]) -> Verdict:
    return MATCHES.judge(action, state, actor, dict(zip(_PROPOSERS, proposers, strict=True)))


def verdicts(state: str, actor: Actor, proposers: tuple[UUID | None, UUID | None]) -> list[Verdict]:
    return [judge(action, state, actor, proposers) for action in MATCHES.transitions]
