"""The gate: the schema of the session's context and of the functions that the engine owns.

The context is set by `gate.enter` at the start of each transaction and nowhere else. It stops forgotten
predicates, not arbitrary SQL: whoever can run SQL of their own as the app role can set it too.

Revision: 0001
"""

from alembic import op

from app.models.ddl import APP, ENGINE, OWNER, WORKER, engine_function

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Read by the policies. Plain SQL without SET, so that the planner inlines them; unset means NULL or empty.
CONTEXT = [
    "kind() RETURNS text AS $$ SELECT nullif(current_setting('liangshan.kind', true), '') $$",
    "principal() RETURNS uuid AS $$ SELECT nullif(current_setting('liangshan.principal', true), '')::uuid $$",
    "roles() RETURNS text[] AS "
    "$$ SELECT string_to_array(coalesce(current_setting('liangshan.roles', true), ''), ',') $$",
    "regions() RETURNS text[] AS "
    "$$ SELECT string_to_array(coalesce(current_setting('liangshan.regions', true), ''), ',') $$",
    "organisations() RETURNS uuid[] AS "
    "$$ SELECT string_to_array(coalesce(current_setting('liangshan.organisations', true), ''), ',')::uuid[] $$",
    "fields() RETURNS text[] AS "
    "$$ SELECT string_to_array(coalesce(current_setting('liangshan.fields', true), ''), ',') $$",
    "client_regions() RETURNS text[] AS "
    "$$ SELECT string_to_array(coalesce(current_setting('liangshan.client_regions', true), ''), ',') $$",
    "source() RETURNS text AS $$ SELECT nullif(current_setting('liangshan.source', true), '') $$",
    "has_role(any_of text[]) RETURNS boolean AS $$ SELECT gate.roles() && any_of $$",
    # The league's side: whose acts on a region's matters a recusal bars.
    "handles() RETURNS boolean AS "
    "$$ SELECT gate.roles() && '{league_office,league_committee,discipline_inspector}'::text[] $$",
    "sees_filed() RETURNS boolean AS $$ SELECT gate.roles() && "
    "'{league_office,league_committee,discipline_inspector,league_department}'::text[] $$",
]

LOCK_KEY = """
CREATE FUNCTION gate.lock_key(holder uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT hashtextextended(holder::text, 7204811) $$
"""

# One advisory lock at a time, ascending, shared or exclusive as asked; never upgraded (upgrades deadlock).
# A holder of a shared lock who keeps an exclusive one waiting for two seconds is ended.
TAKE_LOCKS = """
DECLARE
    item record;
    patience text := current_setting('lock_timeout');
BEGIN
    FOR item IN
        SELECT gate.lock_key(holder) AS key, bool_or(exclusive) AS exclusive
        FROM (SELECT unnest(targets) AS holder, true AS exclusive
              UNION ALL SELECT unnest(shared), false) AS wanted
        WHERE holder IS NOT NULL
        GROUP BY 1 ORDER BY 1
    LOOP
        IF NOT item.exclusive THEN
            PERFORM pg_advisory_xact_lock_shared(item.key);
        ELSE
            BEGIN
                PERFORM set_config('lock_timeout', '2s', true);
                PERFORM pg_advisory_xact_lock(item.key);
            EXCEPTION WHEN lock_not_available THEN
                PERFORM pg_terminate_backend(holder.pid)
                FROM pg_locks AS holder
                WHERE holder.locktype = 'advisory' AND holder.granted AND holder.pid <> pg_backend_pid()
                  AND holder.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND holder.objsubid = 1 AND holder.mode = 'ShareLock'
                  AND ((holder.classid::bigint << 32) | holder.objid::bigint) = item.key;
                PERFORM set_config('lock_timeout', '10s', true);
                PERFORM pg_advisory_xact_lock(item.key);
            END;
            PERFORM set_config('lock_timeout', patience, true);
        END IF;
    END LOOP;
END
"""

# Invariants of identity rows are kept by asking for the lock that only `enter_exclusive` takes.
REQUIRE_EXCLUSIVE = """
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() AND mode = 'ExclusiveLock'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND objsubid = 1
          AND ((classid::bigint << 32) | objid::bigint) = gate.lock_key(target)
    ) THEN
        RAISE EXCEPTION 'this act changes a principal that it did not lock'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA gate")
    op.execute(f"GRANT USAGE ON SCHEMA gate TO {APP}, {ENGINE}, {WORKER}")
    op.execute(f"GRANT CREATE ON SCHEMA gate TO {ENGINE}")
    op.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    for function in CONTEXT:
        signature, body = function.split(" AS ", 1)
        op.execute(f"CREATE FUNCTION gate.{signature} LANGUAGE sql STABLE PARALLEL SAFE AS {body}")
        op.execute(f"GRANT EXECUTE ON FUNCTION gate.{signature.split(' RETURNS ')[0]} TO {APP}, {ENGINE}")
    op.execute(LOCK_KEY)
    op.execute(f"GRANT EXECUTE ON FUNCTION gate.lock_key(uuid) TO {ENGINE}, {WORKER}")
    for statement in [
        *engine_function("take_locks(targets uuid[], shared uuid[]) RETURNS void", TAKE_LOCKS, callers=()),
        *engine_function("require_exclusive(target uuid) RETURNS void", REQUIRE_EXCLUSIVE, callers=()),
    ]:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA gate CASCADE")
    op.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
