"""Who I am and what I may do, with the reason for each scope that is missing; and the policy as the code has it."""

from uuid import UUID

from httpx import AsyncClient

from app.auth.scopes import CLIENT_SCOPES, JUDGING, JUDGING_ROLES, ROLE_NAMES, ROLE_SCOPES, SCOPES
from app.models import metadata
from app.models.identity import Role
from tests.world import World


async def test_every_scope_is_in_effect_or_missing_with_its_reason(world: World) -> None:
    committee = await world.person(Role.LEAGUE_COMMITTEE, name="示例领导", scopes=frozenset({"plans:read"}))
    shown = (await committee.get("/v1/me")).json()
    assert (shown["kind"], shown["name"], shown["scopes"]) == ("person", "示例领导", ["plans:read"])
    missing = {item["scope"]: item["reason"] for item in shown["missing_scopes"]}
    assert missing.keys() | {"plans:read"} == SCOPES.keys()
    assert missing["directory:read"] == "not_asked_for"
    assert missing["evaluations:appraise"] == "commitment_missing"
    assert missing["plans:write"] == "no_role"
    assert all(item["detail"] and item["name"] for item in shown["missing_scopes"])


async def test_grants_are_shown_with_what_they_are_bound_to(world: World) -> None:
    body = await world.organisation()
    person = await world.person((Role.REGION_EDITOR, "152501"), (Role.CONSTRUCTION_ENTITY, body))
    grants = (await person.get("/v1/me")).json()["grants"]
    assert {(g["role"], g["region_code"], g["organisation_id"]) for g in grants} == {
        ("region_editor", "152501", None),
        ("construction_entity", None, str(body)),
    }
    assert {g["role"]: g["role_name"] for g in grants} == {
        "region_editor": ROLE_NAMES[Role.REGION_EDITOR][0],
        "construction_entity": ROLE_NAMES[Role.CONSTRUCTION_ENTITY][0],
    }


async def test_a_client_sees_itself(world: World) -> None:
    machine = await world.machine("152501")
    shown = (await machine.get("/v1/me")).json()
    assert (shown["kind"], shown["name"], shown["grants"]) == ("client", "示例来源系统", [])
    assert set(shown["scopes"]) == CLIENT_SCOPES
    assert {item["reason"] for item in shown["missing_scopes"]} == {"no_role"}


async def test_nobody_holds_a_judging_scope_yet(world: World) -> None:
    for role in JUDGING_ROLES:
        person = await world.person(role)
        assert not JUDGING & set((await person.get("/v1/me")).json()["scopes"])


async def test_each_role_gives_what_the_table_says(world: World) -> None:
    body = await world.organisation()
    bound: dict[Role, str | UUID] = {
        Role.REGION_EDITOR: "152501",
        Role.REGION_APPROVER: "152501",
        Role.LEAGUE_DEPARTMENT: body,
        Role.CONSTRUCTION_ENTITY: body,
    }
    for role in Role:
        person = await world.person((role, bound[role]) if role in bound else role)
        assert set((await person.get("/v1/me")).json()["scopes"]) == ROLE_SCOPES[role] - JUDGING, role


async def test_scopes_are_cut_to_the_grants_that_live(world: World) -> None:
    """A token claims more than is granted now (its `rev` is right): the grants decide."""
    person = await world.person((Role.REGION_EDITOR, "152501"))
    codec, ring = world.api.state.codec, world.api.state.keys
    token = codec.issue(
        await ring.signing_key(),
        subject=person.id,
        kind="person",
        client_id="liangshan",
        scopes=frozenset(SCOPES),
        rev=await world.rev(person),
        jti=person.id,
        now=int(world.api.state.database.clock.now().timestamp()),
    )
    shown = await person.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert set(shown.json()["scopes"]) == ROLE_SCOPES[Role.REGION_EDITOR] - JUDGING
    refused = await person.post("/v1/organisations", {}, headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_the_policy_is_the_code(world: World) -> None:
    person = await world.person()
    policy = (await person.get("/v1/access-policy")).json()
    assert [scope["scope"] for scope in policy["scopes"]] == list(SCOPES)
    assert {s["scope"] for s in policy["scopes"] if s["judging"]} == JUDGING
    assert {role["role"]: set(role["scopes"]) for role in policy["roles"]} == ROLE_SCOPES
    assert {r["role"] for r in policy["roles"] if r["needs_second_person"]} == JUDGING_ROLES
    assert set(policy["client_scopes"]) == CLIENT_SCOPES
    classes = {table["name"]: entry["table_class"] for entry in policy["classes"] for table in entry["tables"]}
    assert classes == {t.name: t.info["class"] for t in metadata.sorted_tables}
    walled = {table["name"]: table["subjects"] for entry in policy["classes"] for table in entry["tables"]}
    assert walled["score_sheets"] == ["case", "region"]
    assert {role["role"]: role["people"] for role in policy["minimum_staffing"]}["security_admin"] == 2


async def test_the_policy_says_it_in_words(world: World) -> None:
    """Names, articles and bindings stand beside the codes, each in its own place and language."""
    person = await world.person()
    policy = (await person.get("/v1/access-policy")).json()
    assert [(s["name"], s["name_en"], s["article"]) for s in policy["scopes"]] == [
        (scope.zh, scope.en, scope.article) for scope in SCOPES.values()
    ]
    assert {r["role"]: (r["name"], r["name_en"]) for r in policy["roles"]} == ROLE_NAMES
    assert {r["role"]: r["bound_to"] for r in policy["roles"] if r["bound_to"]} == {
        "region_editor": "region",
        "region_approver": "region",
        "league_department": "organisation",
        "construction_entity": "organisation",
    }
    [judgement] = [entry for entry in policy["classes"] if entry["table_class"] == "judgement"]
    assert judgement["holds"] == "评审组、评审任务、评分表、评议档案"
    assert judgement["read_by"] == "办公室、委员会；专家仅限本人任务"
    assert judgement["when_recused"] == "如同不存在（404），不可写入"
    assert {table["name"] for table in judgement["tables"]} >= {"assignments", "panels", "score_sheets"}


async def test_without_a_token_neither_is_shown(http: AsyncClient) -> None:
    for path in ("/v1/me", "/v1/access-policy"):
        assert (await http.get(path)).status_code == 401
        assert (await http.get(f"{path}?x=1")).status_code == 401


def test_every_scope_belongs_to_somebody_and_separation_holds() -> None:
    held = frozenset().union(*ROLE_SCOPES.values()) | CLIENT_SCOPES
    assert held == SCOPES.keys()
    assert not CLIENT_SCOPES & JUDGING
    # Administration in three: who makes people grants nothing, who grants makes nobody, who audits does neither.
    administration = {
        Role.SYSTEM_ADMIN: "people:write",
        Role.SECURITY_ADMIN: "grants:write",
        Role.AUDITOR: "audit:read",
    }
    for role, scope in administration.items():
        assert [r for r in Role if scope in ROLE_SCOPES[r]] == [role]
