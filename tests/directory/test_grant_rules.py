"""The rules of grants, without a database."""

from itertools import combinations
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.auth.scopes import JUDGING_ROLES, LEAGUE_ROLES, ORGANISATION_BOUND, REGION_BOUND, SEPARATED
from app.directory.people.grants.rules import NOT_VERIFIED, SEPARATION, binding_faults, needs_second, refusal
from app.models.identity import Role

roles = st.sampled_from(Role)


@given(roles, st.booleans(), st.booleans())
def test_a_binding_is_what_the_role_asks_for(role: Role, region: bool, organisation: bool) -> None:
    faults = binding_faults(role, "152501" if region else None, uuid4() if organisation else None)
    fits = (region, organisation) == (role in REGION_BOUND, role in ORGANISATION_BOUND)
    assert (not faults) is fits
    assert all(code in {"required", "invalid_value"} for _, code in faults)


@given(st.lists(roles, max_size=8))
def test_whatever_the_order_administrators_hold_one_role_only(wanted: list[Role]) -> None:
    held: set[Role] = set()
    for role in wanted:
        if refusal(role, held, verified=True) is None:
            held.add(role)
    assert len(held & SEPARATED) <= 1
    assert not (held & SEPARATED) or len(held) == 1


def test_the_three_administrations_exclude_one_another() -> None:
    for one, other in combinations(SEPARATED, 2):
        assert refusal(one, [other], verified=True) == SEPARATION


def test_programme_roles_go_together() -> None:
    assert refusal(Role.REGION_APPROVER, [Role.REGION_EDITOR], verified=False) is None


@given(roles)
def test_judging_roles_need_a_verified_identity_and_a_second_person(role: Role) -> None:
    reads_judgement = role in JUDGING_ROLES | LEAGUE_ROLES | {Role.SECURITY_ADMIN}
    assert needs_second(role) is reads_judgement
    assert refusal(role, [], verified=False) == (NOT_VERIFIED if reads_judgement else None)
    assert refusal(role, [], verified=True) is None


def test_the_same_role_again_is_no_clash_of_roles() -> None:
    assert refusal(Role.AUDITOR, [Role.AUDITOR], verified=False) is None
