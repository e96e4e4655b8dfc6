"""What may be done with a project, by whom and when (Art. 3): pure tables and rules.

Membership in the library and the building stage are two things and move apart from each other.
"""

from uuid import UUID

from app.core.errors import Reason
from app.core.workflow import Actor, Side, Transition, Verdict, Workflow
from app.models.projects import BuildingStage, Membership

ONLY_A_VERSION = Reason(
    "only_a_version",
    "已被认定为另一来源所报项目的来源版本，不再单独入库",
    "The office decided that this is a source's version of another project, which is the one that counts",
)
WRITE, ADMIT = "projects:write", "projects:admit"
_ANY = frozenset(Membership)
_DRAFT, _PROPOSED, _MEMBER = Membership.DRAFT, Membership.PROPOSED, Membership.IN_LIBRARY
_DECLINED, _LEFT = Membership.DECLINED, Membership.LEFT
_STAGES = frozenset(BuildingStage)

# 入库、退库. `remove` is the office's side of leaving: one route, two acts.
LIBRARY = Workflow(
    "project_membership",
    (
        Transition("update", _ANY, None, WRITE, Side.REGION),
        Transition("propose", frozenset({_DRAFT, _DECLINED}), _PROPOSED, WRITE, Side.REGION),
        Transition("admit", frozenset({_PROPOSED}), _MEMBER, ADMIT, Side.LEAGUE, distinct_from=("propose",)),
        Transition("decline", frozenset({_PROPOSED}), _DECLINED, ADMIT, Side.LEAGUE, distinct_from=("propose",)),
        Transition("leave", frozenset({_MEMBER}), _LEFT, WRITE, Side.REGION),
        Transition("remove", frozenset({_MEMBER}), _LEFT, ADMIT, Side.LEAGUE),
        Transition("re-enter", frozenset({_LEFT}), _PROPOSED, WRITE, Side.REGION),
    ),
)

# A change that a source proposes to a member; declining it is for the same hands.
CHANGES = Workflow(
    "project_proposal",
    (Transition("accept-change", frozenset({"pending"}), "accepted", ADMIT, Side.LEAGUE, distinct_from=("propose",)),),
)

# 储备、前期、在建、竣工、投运、停缓建. `advance` names its stage, so it has no single target.
BUILDING = Workflow(
    "building_stage",
    (
        Transition("advance", _STAGES, None, WRITE, Side.REGION),
        Transition("suspend", _STAGES - {BuildingStage.SUSPENDED}, BuildingStage.SUSPENDED, WRITE, Side.REGION),
    ),
)

STAGE_ORDER = (
    BuildingStage.RESERVE,
    BuildingStage.PREPARATION,
    BuildingStage.CONSTRUCTION,
    BuildingStage.COMPLETED,
    BuildingStage.OPERATION,
)
# Once the office looks at it, and as long as it counts, the four facts stay complete.
COMPLETE_IN = frozenset({_PROPOSED, _MEMBER})


def judge(
    action: str, membership: str, stage: str, actor: Actor, proposer: UUID | None, *, is_version: bool = False
) -> Verdict:
    """Whether the actor may do it now. `leave` stands for the office's removal where the region is not theirs.
    `is_version`: the office decided that this is only a source's version of another project."""
    if action in BUILDING.transitions:
        return BUILDING.judge(action, stage, actor)
    line = "remove" if action == "leave" and not _leaves_for_region(actor) else action
    verdict = Verdict(action, LIBRARY.judge(line, membership, actor, {"propose": proposer}).refusal)
    towards_library = LIBRARY.transitions[line].target in COMPLETE_IN
    return Verdict(action, ONLY_A_VERSION) if verdict.allowed and is_version and towards_library else verdict


def judge_change(actor: Actor, proposer: UUID | None) -> Verdict:
    """Whether the actor may decide on a pending change of a member."""
    return CHANGES.judge("accept-change", "pending", actor, {"propose": proposer})


def verdicts(
    membership: str, stage: str, actor: Actor, proposer: UUID | None, *, is_version: bool = False
) -> list[Verdict]:
    """Every act with its verdict, as `allowed_actions` shows them."""
    actions = [action for action in LIBRARY.transitions if action != "remove"]
    every = [*actions, *BUILDING.transitions]
    return [judge(action, membership, stage, actor, proposer, is_version=is_version) for action in every]


def scope_of(action: str, actor: Actor) -> str:
    """The scope that the act needs from this actor."""
    if action == "leave":
        return WRITE if _leaves_for_region(actor) else ADMIT
    return (LIBRARY.transitions | BUILDING.transitions)[action].scope


def lines_of(action: str) -> list[Transition]:
    """The lines that the act may mean: `leave` is two."""
    table = LIBRARY.transitions | BUILDING.transitions
    return [table[action], table["remove"]] if action == "leave" else [table[action]]


def is_removal(actor: Actor) -> bool:
    """Whether leaving is the office's decision rather than the region's own step."""
    return not _leaves_for_region(actor)


def _leaves_for_region(actor: Actor) -> bool:
    return Side.REGION in actor.on_side and WRITE in actor.scopes


def stage_needs_reason(current: str, to: str) -> bool:
    """A step back, or a halt, says why; a step forward, and any step out of a halt, need not."""
    if to == BuildingStage.SUSPENDED:
        return current != BuildingStage.SUSPENDED
    if current == BuildingStage.SUSPENDED:
        return False
    return STAGE_ORDER.index(BuildingStage(to)) < STAGE_ORDER.index(BuildingStage(current))
