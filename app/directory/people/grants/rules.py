"""Who may hold which role, and the life of a grant: pure rules that give reasons.

* A role is bound to what it asks for: a region, an organisation, or nothing.
* Administration is split in three (三员分离): who administers the system, its security or its audit holds no
  other role at all, neither another of the three nor a role in the programme. Who can change the rules of
  the house does not play in it.
* A role that judges, or that reads what is judged (Art. 11), needs a verified identity, and takes two security
  administrators: or a second account, made by one of them, would be a way round a recusal.
* Nobody grants to, confirms for or ends a grant of their own. Since nobody ends their own, one security
  administrator is always left.
"""

from collections.abc import Iterable
from uuid import UUID

from app.auth.scopes import JUDGING_ROLES, LEAGUE_ROLES, ORGANISATION_BOUND, REGION_BOUND, SEPARATED
from app.core.errors import Reason
from app.core.workflow import Side, Transition, Workflow
from app.models.identity import GrantState, Role

SEPARATION = Reason(
    "separation_of_duties",
    "三员分离：管理员角色不得与其他角色兼任",
    "Administration is split in three: an administrator holds no other role",
)
NOT_VERIFIED = Reason(
    "identity_not_verified",
    "该角色参与评判，须先核验身份",
    "The role judges: the person's identity must be verified first",
)

GRANT_LIFE = Workflow(
    "grant",
    [
        Transition(
            "confirm",
            frozenset({GrantState.AWAITING_SECOND}),
            GrantState.ACTIVE,
            "grants:write",
            Side.LEAGUE,
            distinct_from=("grant", "hold"),
        ),
        Transition(
            "end",
            frozenset({GrantState.AWAITING_SECOND, GrantState.ACTIVE}),
            GrantState.ENDED,
            "grants:write",
            Side.LEAGUE,
            distinct_from=("hold",),
        ),
    ],
)


def binding_faults(role: Role, region_code: str | None, organisation_id: UUID | None) -> list[tuple[str, str]]:
    """What is wrong with the grant's binding, as (pointer, code)."""
    wanted = (
        (role in REGION_BOUND, region_code, "/region_code"),
        (role in ORGANISATION_BOUND, organisation_id, "/organisation_id"),
    )
    return [
        (pointer, "required" if needed else "invalid_value")
        for needed, given, pointer in wanted
        if needed is not (given is not None)
    ]


def refusal(role: Role, held: Iterable[Role], *, verified: bool) -> Reason | None:
    """Why a person who holds these roles may not be given this one, if so. `held`: all that is not ended."""
    others = {other for other in held if other is not role}
    if others and (role in SEPARATED or others & SEPARATED):
        return SEPARATION
    if needs_second(role) and not verified:
        return NOT_VERIFIED
    return None


def needs_second(role: Role) -> bool:
    """Judging and handling roles; and who gives them: or one of the two could make the other."""
    return role in JUDGING_ROLES | LEAGUE_ROLES | {Role.SECURITY_ADMIN}
