"""What a caller may do, as pure values: deny wins, staff never handles its own, scopes must be earned."""

from typing import Any
from uuid import UUID

import pytest

from app.auth.principal import Caller, GrantView, caller_of, grants_of, live_scopes, met, role_scopes
from app.auth.scopes import (
    CLIENT_SCOPES,
    CONDITIONS,
    JUDGING,
    JUDGING_ROLES,
    LEAGUE_ROLES,
    MINIMUM_STAFFING,
    ROLE_SCOPES,
    SCOPES,
    SEPARATED,
)
from app.auth.tokens import Claims
from app.core.db import Entered, Entry
from app.core.workflow import Side
from app.models.identity import Role

ME, BODY, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
HERE, THERE = "152501", "152502"


def grant(role: Role, *, region: str | None = None, organisation: UUID | None = None) -> GrantView:
    return GrantView(UUID(int=9), role, region, organisation)


def caller(*grants: GrantView, scopes: frozenset[str] | None = None, kind: str = "person") -> Caller:
    held = role_scopes(grants) if scopes is None else scopes
    return Caller(Entry(kind, ME), ME, "liangshan", held, grants, {})  # type: ignore[arg-type]


def test_of_a_person() -> None:
    both = caller(grant(Role.REGION_EDITOR, region=HERE), grant(Role.LEAGUE_OFFICE))
    assert both.roles == {Role.REGION_EDITOR, Role.LEAGUE_OFFICE}
    assert both.regions == {HERE}
    assert both.organisations == frozenset()
    assert both.is_league
    assert not both.is_client
    assert caller(kind="client").is_client
    entity = caller(
        grant(Role.CONSTRUCTION_ENTITY, organisation=BODY), grant(Role.LEAGUE_DEPARTMENT, organisation=OTHER)
    )
    assert entity.organisations == {BODY}
    assert entity.regions == frozenset()
    assert not entity.is_league


@pytest.mark.parametrize("role", sorted(LEAGUE_ROLES))
def test_each_role_of_the_league_handles_for_it(role: Role) -> None:
    actor = caller(grant(role)).league_actor()
    assert (actor.id, actor.recused) == (ME, False)
    assert actor.on_side == {Side.LEAGUE}
    assert actor.scopes == ROLE_SCOPES[role]
    assert caller(grant(Role.EXPERT)).league_actor().on_side == frozenset()


def test_staff_is_never_on_the_leagues_side_of_its_own() -> None:
    both = caller(grant(Role.REGION_EDITOR, region=HERE), grant(Role.LEAGUE_OFFICE))
    assert both.actor(HERE, recused=False).on_side == {Side.REGION}
    assert both.actor(THERE, recused=True).on_side == {Side.LEAGUE}
    assert both.actor(THERE, recused=True).recused
    assert not both.actor(THERE, recused=False).recused
    builder = caller(grant(Role.CONSTRUCTION_ENTITY, organisation=BODY), grant(Role.LEAGUE_OFFICE))
    assert builder.actor(HERE, recused=False, organisation_id=BODY).on_side == frozenset()
    assert builder.actor(HERE, recused=False, organisation_id=OTHER).on_side == {Side.LEAGUE}
    assert builder.actor(HERE, recused=False).on_side == {Side.LEAGUE}
    stranger = caller(grant(Role.REGION_EDITOR, region=THERE))
    assert stranger.actor(HERE, recused=False).on_side == frozenset()
    assert stranger.actor(HERE, recused=False).id == ME


def test_an_editor_of_one_region_is_nobody_in_the_next() -> None:
    editor = caller(grant(Role.REGION_EDITOR, region=HERE))
    assert editor.scopes_in(HERE) == ROLE_SCOPES[Role.REGION_EDITOR]
    assert editor.scopes_in(THERE) == frozenset()
    assert editor.actor(THERE, recused=False).scopes == frozenset()
    bounded = caller(grant(Role.REGION_EDITOR, region=HERE), scopes=frozenset({"plans:read"}))
    assert bounded.scopes_in(HERE) == {"plans:read"}
    mixed = caller(grant(Role.REGION_EDITOR, region=HERE), grant(Role.LEAGUE_OFFICE))
    assert mixed.scopes_in(THERE) == ROLE_SCOPES[Role.LEAGUE_OFFICE]


def entered(*roles: Role, **standing: Any) -> Entered:
    rows = tuple({"id": str(UUID(int=9)), "role": r, "region_code": None, "organisation_id": None} for r in roles)
    return Entered(3, rows, {}, standing, 2026)


def test_what_is_met_this_year() -> None:
    assert met(entered()) == frozenset()
    assert met(entered(committed=[2025], declared=[2027])) == frozenset()
    assert met(entered(committed=[2025, 2026])) == {"commitment"}
    assert met(entered(declared=[2026])) == {"declaration"}
    assert met(entered(committed=[2026], declared=[2026], seated=["case"])) == {"commitment", "declaration", "case"}


EARNED: dict[str, dict[str, Any]] = {
    "assignments:respond": {"committed": [2026]},
    "evaluations:appraise": {"committed": [2026], "declared": [2026]},
    "evaluations:approve": {"committed": [2026], "declared": [2026]},
    "evaluations:review": {"committed": [2026], "declared": [2026], "seated": ["evaluation"]},
    "cases:review": {"committed": [2026], "declared": [2026], "seated": ["case"]},
}


def test_every_judging_scope_has_its_conditions() -> None:
    assert CONDITIONS.keys() == EARNED.keys() == JUDGING


@pytest.mark.parametrize("scope", EARNED)
def test_a_judging_scope_is_earned_with_all_of_its_conditions(scope: str) -> None:
    [*roles] = [role for role in Role if scope in ROLE_SCOPES[role]]
    assert roles
    for role in roles:
        assert scope in live_scopes(entered(role, **EARNED[scope]))
        for missing in EARNED[scope]:
            rest = {name: value for name, value in EARNED[scope].items() if name != missing}
            assert scope not in live_scopes(entered(role, **rest))
        # What is not judging is there by the role alone.
        assert live_scopes(entered(role)) == ROLE_SCOPES[role] - JUDGING


def test_a_client_has_its_own_scopes_and_no_others() -> None:
    client = Entered(1, (), {"scopes": ["projects:read"]}, {}, 2026)
    assert live_scopes(client) == {"projects:read"}
    assert not CLIENT_SCOPES & JUDGING


def test_a_token_bounds_and_the_database_decides() -> None:
    stated: dict[str, Any] = dict.fromkeys(Claims.__dataclass_fields__)
    claims = Claims(**{**stated, "subject": ME, "client_id": "liangshan", "scopes": {"plans:read", "grants:write"}})
    found = caller_of(Entry("person", ME), claims, entered(Role.LEAGUE_OFFICE, committed=[2026]))
    assert found.scopes == {"plans:read"}
    assert (found.id, found.client_id) == (ME, "liangshan")
    assert found.met == {"commitment"}
    assert found.grants == (GrantView(UUID(int=9), Role.LEAGUE_OFFICE, None, None),)
    assert found.client == {}
    assert found.entry == Entry("person", ME)


def test_grants_as_the_gate_gives_them() -> None:
    row = {"id": str(ME), "role": "construction_entity", "region_code": HERE, "organisation_id": str(BODY)}
    assert grants_of(Entered(1, (row,))) == (GrantView(ME, Role.CONSTRUCTION_ENTITY, HERE, BODY),)


def test_nobody_who_administers_judges_or_decides() -> None:
    for role in SEPARATED:
        assert not ROLE_SCOPES[role] & (JUDGING | {"recusals:decide"})
    assert LEAGUE_ROLES - {Role.DISCIPLINE_INSPECTOR} | {Role.EXPERT} <= JUDGING_ROLES
    assert {role for role, *_ in MINIMUM_STAFFING} == LEAGUE_ROLES | SEPARATED
    assert SCOPES.keys() >= frozenset().union(*ROLE_SCOPES.values())
