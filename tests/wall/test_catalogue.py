"""The catalogue keeps the wall's rules, and the test that says so notices each way of breaking them."""

import re

import asyncpg
import pytest

from app.models.base import TableClass
from app.models.ddl import APP, ENGINE, OWNER, WORKER
from tests.wall import judgement
from tests.wall.catalogue import declarations, faults


async def test_every_table_keeps_the_rules(owner: asyncpg.Connection) -> None:
    assert await faults(owner, declarations()) == []


async def test_a_judgement_table_made_as_migrations_make_them_keeps_the_rules(owner: asyncpg.Connection) -> None:
    await judgement.create(owner)
    assert await faults(owner, declarations(judgement.tables)) == []


WALL = "wall_select ON probe_files"
BREACHES = [
    "CREATE TABLE undeclared (id integer)",
    "ALTER TABLE projects NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE plans DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit_entries_2026 NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY engine_all ON plans",
    "ALTER POLICY engine_all ON plans TO PUBLIC",
    f"CREATE POLICY wider ON plans FOR SELECT TO {APP} USING (true)",
    f"CREATE POLICY wider ON plans TO {APP} USING (true)",
    "CREATE POLICY everybody ON walls FOR SELECT USING (true)",
    f"CREATE POLICY shared ON walls TO {APP}, {ENGINE} USING (true)",
    "DROP POLICY wall_insert ON plan_filings",
    "DROP POLICY app_select ON plans",
    f"GRANT DELETE ON plans TO {APP}",
    f"GRANT TRUNCATE ON plans TO {APP}",
    f"GRANT REFERENCES ON plans TO {APP}",
    f"GRANT TRIGGER ON plans TO {ENGINE}",
    f"GRANT SELECT ON audit_entries_2026 TO {APP}",
    f"GRANT SELECT ON walls TO {APP}",
    f"GRANT SELECT (person_id) ON credentials TO {APP}",
    f"GRANT SELECT ON signing_keys TO {APP}",
    "GRANT SELECT ON plans TO PUBLIC",
    "CREATE VIEW plain AS SELECT * FROM plans",
    "CREATE VIEW plain WITH (security_invoker = false) AS SELECT * FROM plans",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM plans",
    "ALTER TABLE plan_drafts ADD CONSTRAINT again FOREIGN KEY (plan_id) REFERENCES plans ON DELETE CASCADE",
    "ALTER TABLE probe_sheets DROP CONSTRAINT probe_sheets_file, ADD FOREIGN KEY (file_id) REFERENCES probe_files (id)",
    f"DROP POLICY {WALL}",
    "DROP POLICY wall_update ON probe_files",
    "DROP POLICY wall_delete ON probe_sheets",
    f"ALTER POLICY {WALL} USING (true)",
    f"ALTER POLICY {WALL} USING (('region:' || region_code) NOT IN (SELECT unnest(gate.walls())))",
    f"ALTER POLICY {WALL} TO {ENGINE}",
]


@pytest.mark.parametrize("breach", BREACHES)
async def test_each_breach_is_noticed(owner: asyncpg.Connection, breach: str) -> None:
    await judgement.create(owner)
    assert await faults(owner, declarations(judgement.tables)) == []
    await owner.execute(breach)
    assert await faults(owner, declarations(judgement.tables)) != []


async def test_a_declared_table_that_is_missing_is_noticed(owner: asyncpg.Connection) -> None:
    assert await faults(owner, declarations(judgement.tables)) != []
    assert {t.info["class"] for t in judgement.tables.sorted_tables} == {TableClass.JUDGEMENT}


# Every function of the gate: who may call it. Definers are the engine's; the rest are plain context readers.
SUBJECT = "region text, organisation uuid, project uuid, kase uuid"
TIME = "timestamp with time zone"
DEFINERS: dict[str, set[str]] = {
    f"commit_share(about text, occasion uuid, party text, committed text, salted text, at {TIME}, on_day date)": {APP},
    f"open_share(about text, occasion uuid, party text, opened text, at {TIME})": {APP},
    f"assign(assignment uuid, panel uuid, person uuid, words text, at {TIME}, on_day date)": {APP},
    f"clear_of({SUBJECT}, reached text[])": {APP},
    f"decide_recusal(decision uuid, recusal uuid, result text, words text, basis text, at {TIME})": {APP},
    "affiliates(organisation uuid)": set(),
    "check_eligibility(people uuid[], capacity text, region text, kase uuid, on_day date)": {APP},
    "eligibility(person uuid, capacity text, region text, kase uuid, on_day date, seated boolean)": set(),
    "folded(name text)": set(),
    "ineligibility(person uuid, region text, kase uuid, on_day date, seated boolean)": set(),
    "league_body(organisation uuid)": set(),
    "may_act(capacity text, region text, kase uuid, on_day date)": {APP},
    "on_recusal()": set(),
    f"recheck(person uuid, act_of uuid, at {TIME})": {WORKER},
    "has_a_hand(person uuid, region text, kase uuid)": set(),
    "tied_to(organisation uuid)": {WORKER},
    "working_day(from_day date, count integer)": set(),
    "judges(person uuid, region text)": set(),
    "extend_reach(project uuid, at timestamp with time zone)": {APP},
    "own_regions()": {APP},
    "own_panels()": {APP},
    "walled_rounds()": {APP},
    "is_expert(person uuid)": {APP},
    f"is_subject({SUBJECT})": set(),
    f"lift_recusal(decision uuid, recusal uuid, words text, basis text, at {TIME})": {APP},
    f"may_decide(person uuid, {SUBJECT}, reached text[])": set(),
    "may_review(assignment uuid, on_day date)": {APP},
    "on_standing()": set(),
    "on_relation()": set(),
    "pending_on(region text, kase uuid)": {APP},
    f"protect(target uuid, at {TIME}, cause uuid)": set(),
    "deciders(recusal uuid)": set(),
    "derived(what text)": set(),
    "entangled(recusal uuid)": set(),
    "hidden_recusals()": {APP},
    "settle_applications()": {APP, WORKER},
    f"note_effect(cause uuid, at {TIME}, kind text, resource uuid, region text, kase uuid, changes jsonb)": set(),
    "record_superior(decision uuid, recusal uuid, issuer text, document text, issued date, result text, words text, "
    f"basis text, at {TIME})": {APP},
    "undecidable()": {APP},
    "who_is_concerned(recusal uuid)": {APP},
    "reach(organisation uuid, project uuid)": set(),
    f"recuse(recusal uuid, person uuid, how text, {SUBJECT}, relation text, words text, at {TIME})": {APP},
    "standing()": {APP},
    "client_login(as_client_id text)": {APP},
    f"add_client_secret(secret uuid, client uuid, secret_digest text, at {TIME})": {APP},
    "client_secrets(client uuid)": {APP},
    f"revoke_client_secret(secret uuid, client uuid, at {TIME})": {APP},
    "count_call(of_holder text, of_budget text, quota integer, seconds integer, client uuid)": {APP},
    "drop_wall(person uuid, from_subject text)": {WORKER},
    "enter(as_kind text, as_principal uuid, relied_on uuid[])": {APP},
    "enter_exclusive(as_kind text, as_principal uuid, targets uuid[], relied_on uuid[])": {APP},
    "family_revoked(family uuid)": {APP},
    "has_demo()": {APP},
    "keep_blob(named text, kind text, bytes bytea)": {APP},
    "load_context(as_kind text, as_principal uuid)": set(),
    "login(as_username text)": {APP},
    "login_failed(person uuid, at timestamp with time zone)": {APP},
    "login_succeeded(person uuid, verified text, rehashed text, at timestamp with time zone)": {APP},
    "on_client()": set(),
    "on_grant()": set(),
    "on_identity()": set(),
    "put_wall(person uuid, from_subject text, at timestamp with time zone)": {WORKER},
    "refresh_holder(token_digest text)": {APP},
    "require_exclusive(target uuid)": set(),
    "revoke_family(family uuid, at timestamp with time zone)": {APP},
    "revoke_refresh(token_digest text, at timestamp with time zone)": {APP},
    "set_password(person uuid, hashed text, at timestamp with time zone, kept_family uuid)": {APP},
    "set_principal_state(target uuid, disabled timestamp with time zone, at timestamp with time zone)": {APP},
    "signing_keys()": {APP},
    "store_refresh(token uuid, family uuid, person uuid, token_digest text, bounded_to text[], "
    "at timestamp with time zone, until timestamp with time zone)": {APP},
    "take_locks(targets uuid[], shared uuid[])": set(),
    "use_refresh(token_digest text, at timestamp with time zone)": {APP},
    "walls()": {APP},
}
# Reads nothing: it makes an id.
DOSSIER_ID = "dossier_id(at timestamp with time zone)"
READERS: dict[str, set[str]] = {
    name: {APP, ENGINE}
    for name in (
        "client_regions()",
        "fields()",
        "handles()",
        "has_role(any_of text[])",
        "kind()",
        "organisations()",
        "principal()",
        "regions()",
        "roles()",
        "sees_filed()",
        "source()",
    )
} | {"lock_key(holder uuid)": {ENGINE, WORKER}, DOSSIER_ID: {APP, ENGINE}}

FUNCTIONS = """
SELECT p.proname || '(' || regexp_replace(pg_get_function_arguments(p.oid), ', OUT .*|^OUT .*', '') || ')' AS name,
       n.nspname AS schema, p.prosecdef AS definer, p.provolatile::text AS volatility, r.rolname AS owner,
       p.proconfig AS settings, l.lanname AS language,
       ARRAY(SELECT CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END
             FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a) AS callers
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_roles AS r ON r.oid = p.proowner
JOIN pg_language AS l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
"""


async def test_the_gate_has_these_functions_and_no_other(owner: asyncpg.Connection) -> None:
    functions = {f["name"]: f for f in await owner.fetch(FUNCTIONS)}
    assert functions.keys() == DEFINERS.keys() | READERS.keys()
    for name, function in functions.items():
        callers = set(function["callers"]) - {function["owner"]}
        assert function["schema"] == "gate"
        assert "public" not in callers, name
        if name in DEFINERS:
            assert function["definer"], name
            assert function["owner"] == ENGINE, name
            assert function["settings"] == ["search_path=pg_catalog, public, pg_temp"], name
            assert callers == DEFINERS[name], name
        else:
            assert not function["definer"], name
            assert (function["owner"], function["language"]) == (OWNER, "sql"), name
            assert callers == READERS[name], name


async def test_what_policies_call_is_stable_and_never_immutable(owner: asyncpg.Connection) -> None:
    volatility = {f["name"]: f["volatility"] for f in await owner.fetch(FUNCTIONS)}
    read_by_policies = {
        "walls()",
        "own_regions()",
        "own_panels()",
        "walled_rounds()",
        "hidden_recusals()",
        "undecidable()",
        f"clear_of({SUBJECT}, reached text[])",
    }
    for name in READERS.keys() - {"lock_key(holder uuid)", DOSSIER_ID} | read_by_policies:
        assert volatility[name] == "s", name
    # Entering locks first and reads later: only a VOLATILE function has a snapshot for each statement.
    for name in DEFINERS.keys() - read_by_policies:
        assert volatility[name] == "v", name


async def test_roles(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin, "
        "ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid) AS member_of "
        "FROM pg_roles AS r WHERE rolname = ANY ($1)",
        [OWNER, APP, ENGINE, WORKER],
    )
    roles = {row["rolname"]: row for row in rows}
    assert roles.keys() == {OWNER, APP, ENGINE, WORKER}
    for role in roles.values():
        assert not any(
            role[k] for k in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
        ), role
    assert {name: set(role["member_of"]) for name, role in roles.items()} == {
        OWNER: {ENGINE},
        APP: set(),
        ENGINE: {"pg_signal_backend"},
        WORKER: {ENGINE},
    }
    assert [name for name, role in roles.items() if not role["rolcanlogin"]] == [ENGINE]


async def test_nobody_but_the_owner_makes_things(owner: asyncpg.Connection) -> None:
    for schema in ("public", "gate"):
        assert not await owner.fetchval(f"SELECT has_schema_privilege('{APP}', '{schema}', 'CREATE')")
    rows = await owner.fetch(
        "SELECT n.nspname, a.privilege_type FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a "
        "WHERE n.nspname IN ('public', 'gate') AND a.grantee = 0"
    )
    assert {tuple(row) for row in rows} == {("public", "USAGE")}
    # A function that a later migration makes is nobody's to call until it is granted.
    await owner.execute("CREATE FUNCTION gate.later() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    assert not await owner.fetchval(f"SELECT has_function_privilege('{APP}', 'gate.later()', 'EXECUTE')")
    assert await owner.fetchval("SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'") == 0


TRIGGERS = {
    ("grants", "on_grant", "INSERT OR DELETE OR UPDATE"),
    ("employments", "on_identity", "INSERT OR DELETE OR UPDATE"),
    ("identity_keys", "on_identity", "INSERT OR DELETE OR UPDATE"),
    ("employments", "on_relation", "INSERT OR UPDATE"),
    ("grants", "on_relation", "INSERT OR UPDATE"),
    ("clients", "on_client", "INSERT OR UPDATE"),
    ("commitments", "on_standing", "INSERT OR DELETE"),
    ("declarations", "on_standing", "INSERT OR DELETE"),
    ("assignments", "on_standing", "INSERT OR DELETE OR UPDATE"),
    ("recusals", "on_recusal", "INSERT"),
}


async def test_what_changes_a_principal_asks_for_its_lock(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT tgrelid::regclass::text AS table, tgname AS name, tgenabled::text, "
        "pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE NOT tgisinternal"
    )
    assert {
        (r["table"], r["name"], re.split(" AFTER | BEFORE ", r["definition"])[1].split(" ON ")[0]) for r in rows
    } == TRIGGERS
    assert {r["tgenabled"] for r in rows} == {"O"}
