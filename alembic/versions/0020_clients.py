"""Clients are registered, confirmed and disabled by requests; calls are counted.

Revision: 0020
Follows: 0019
"""

import runpy
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import APP, engine_function, engine_function_again, holds, protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ME = "(SELECT gate.principal())"
SYSTEM = holds("system_admin")
ADMINISTRATORS = holds("system_admin", "security_admin")

# As before: a change needs the lock, and what changes its rights raises `rev`. And, of requests: who asks is not who
# gives (三员分离). Commands enter as nobody; what they write is in effect at once.
ON_CLIENT = """
BEGIN
    PERFORM gate.require_exclusive(NEW.id);
    IF TG_OP = 'INSERT' THEN
        -- One at a time, so that each sees the other's: with the external ids, a source system is the match key.
        PERFORM pg_advisory_xact_lock(hashtextextended(NEW.source_system, 7204814));
        IF EXISTS (SELECT FROM clients AS c WHERE c.source_system = NEW.source_system
                   AND c.organisation_id <> NEW.organisation_id) THEN
            RAISE EXCEPTION 'a source system belongs to one organisation'
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'clients_source_of_one_organisation';
        END IF;
    ELSIF (NEW.id, NEW.client_id, NEW.organisation_id, NEW.source_system, NEW.is_demo)
          IS DISTINCT FROM (OLD.id, OLD.client_id, OLD.organisation_id, OLD.source_system, OLD.is_demo) THEN
        RAISE EXCEPTION 'a client stays who it is' USING ERRCODE = 'integrity_constraint_violation';
    ELSIF gate.kind() IS NOT NULL THEN
        IF (NEW.requested_scopes, NEW.requested_regions, NEW.requested_by)
           IS DISTINCT FROM (OLD.requested_scopes, OLD.requested_regions, OLD.requested_by)
           AND NOT (gate.has_role('{system_admin}') AND NEW.requested_by = gate.principal()) THEN
            RAISE EXCEPTION 'a system administrator asks, in the own name' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NOT (NEW.scopes <@ OLD.scopes AND NEW.regions <@ OLD.regions)
           AND NOT (gate.has_role('{security_admin}') AND OLD.requested_by IS DISTINCT FROM gate.principal()
                    AND NEW.scopes <@ OLD.requested_scopes AND NEW.regions <@ OLD.requested_regions) THEN
            RAISE EXCEPTION 'a security administrator gives, and what another asked for'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' OR (NEW.scopes, NEW.regions, NEW.disabled_at)
                           IS DISTINCT FROM (OLD.scopes, OLD.regions, OLD.disabled_at) THEN
        UPDATE principals SET rev = rev + 1 WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END
"""

# The exclusive lock makes the count of two exact.
ADD_CLIENT_SECRET = """
BEGIN
    IF NOT gate.has_role('{system_admin}') THEN
        RAISE EXCEPTION 'system administrators only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM gate.require_exclusive(client);
    IF (SELECT count(*) FROM client_secrets AS s WHERE s.client_id = client AND s.revoked_at IS NULL) >= 2 THEN
        RAISE EXCEPTION 'two secrets live at most'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'client_secrets_two_at_most';
    END IF;
    INSERT INTO client_secrets (id, client_id, digest, created_at) VALUES (secret, client, secret_digest, at);
END
"""

CLIENT_SECRETS = """
BEGIN
    IF NOT gate.has_role('{system_admin,security_admin,auditor}') THEN
        RAISE EXCEPTION 'administrators only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT s.id, s.created_at, s.revoked_at FROM client_secrets AS s WHERE s.client_id = client;
END
"""

# Nobody knows which secret a token was had with: all of them end.
REVOKE_CLIENT_SECRET = """
BEGIN
    IF NOT gate.has_role('{system_admin,security_admin}') THEN
        RAISE EXCEPTION 'administrators only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM gate.require_exclusive(client);
    UPDATE client_secrets AS s SET revoked_at = at
    WHERE s.id = secret AND s.client_id = client AND s.revoked_at IS NULL;
    IF FOUND THEN
        UPDATE principals SET rev = rev + 1 WHERE id = client;
    END IF;
END
"""

# One call of a budget of `quota` in `seconds`. The clock is the database's: it is one for all processes. What is
# plainly too much is refused without a lock; the rest is settled by the row's. A new row now and then takes those away
# whose time is past: they say no more than none, and only new ones make the table longer.
COUNT_CALL = """
#variable_conflict use_column
DECLARE
    stamp timestamptz := clock_timestamp();
    cost interval;
    whole interval;
    known timestamptz;
    used timestamptz;
BEGIN
    granted := coalesce((SELECT CASE of_budget WHEN 'reads' THEN c.reads_limit WHEN 'writes' THEN c.writes_limit
                                               WHEN 'pushes' THEN c.pushes_limit END
                         FROM clients AS c WHERE c.id = client), quota);
    cost := (seconds * 1000000::bigint / granted) * interval '1 microsecond';
    whole := granted * cost;
    SELECT r.full_at INTO known FROM rate_limits AS r WHERE r.holder = of_holder AND r.budget = of_budget;
    IF known IS NULL OR greatest(known, stamp) + cost <= stamp + whole THEN
        INSERT INTO rate_limits AS r (holder, budget, full_at) VALUES (of_holder, of_budget, stamp + cost)
        ON CONFLICT (holder, budget) DO UPDATE SET full_at = greatest(r.full_at, stamp) + cost
        WHERE greatest(r.full_at, stamp) + cost <= stamp + whole
        RETURNING r.full_at INTO used;
    END IF;
    allowed := used IS NOT NULL;
    IF allowed THEN
        remaining := floor(extract(epoch FROM stamp + whole - used) / extract(epoch FROM cost));
        seconds_left := ceil(extract(epoch FROM used - stamp));
    ELSE
        SELECT r.full_at INTO known FROM rate_limits AS r WHERE r.holder = of_holder AND r.budget = of_budget;
        remaining := 0;
        seconds_left := ceil(greatest(extract(epoch FROM coalesce(known, stamp) + cost - whole - stamp), 1));
    END IF;
    IF known IS NULL AND random() < 0.01 THEN
        DELETE FROM rate_limits AS r WHERE (r.holder, r.budget) IN (
            SELECT p.holder, p.budget FROM rate_limits AS p WHERE p.full_at < stamp FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN NEXT;
END
"""

FUNCTIONS: list[tuple[str, str]] = [
    (
        "add_client_secret(secret uuid, client uuid, secret_digest text, at timestamptz) RETURNS void",
        ADD_CLIENT_SECRET,
    ),
    (
        "client_secrets(client uuid) RETURNS TABLE(id uuid, created_at timestamptz, revoked_at timestamptz)",
        CLIENT_SECRETS,
    ),
    ("revoke_client_secret(secret uuid, client uuid, at timestamptz) RETURNS void", REVOKE_CLIENT_SECRET),
    (
        "count_call(of_holder text, of_budget text, quota integer, seconds integer, client uuid) "
        "RETURNS TABLE(allowed boolean, granted integer, remaining integer, seconds_left integer)",
        COUNT_CALL,
    ),
]
_ON_CLIENT = "on_client() RETURNS trigger"
_LIMITS = (
    "reads_limit BETWEEN 1 AND 1000000 AND writes_limit BETWEEN 1 AND 1000000 AND pushes_limit BETWEEN 1 AND 1000000"
)


def upgrade() -> None:
    for kind in ("scopes", "regions"):
        op.add_column(
            "clients", sa.Column(f"requested_{kind}", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}")
        )
    op.add_column("clients", sa.Column("requested_by", sa.Uuid(), nullable=True))
    op.add_column(
        "clients",
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("'-infinity'")),
    )
    op.add_column("clients", sa.Column("confirmed_by", sa.Uuid(), nullable=True))
    op.add_column("clients", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clients", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    for limit in ("reads_limit", "writes_limit", "pushes_limit"):
        op.add_column("clients", sa.Column(limit, sa.Integer(), nullable=True))
    # What stands was registered by the operator, as it is. Rewritten and not updated: an update would ask for each
    # client's lock.
    for column, kind, was in (
        ("requested_scopes", "text[]", "scopes"),
        ("requested_regions", "text[]", "regions"),
        ("requested_at", "timestamptz", "created_at"),
    ):
        op.execute(f"ALTER TABLE clients ALTER COLUMN {column} DROP DEFAULT")
        op.execute(f"ALTER TABLE clients ALTER COLUMN {column} TYPE {kind} USING {was}")
    op.create_check_constraint(op.f("ck_clients_limits_in_range"), "clients", _LIMITS)
    op.execute(
        f"ALTER POLICY app_select ON clients USING (id = {ME} OR {holds('system_admin', 'security_admin', 'auditor')})"
    )
    op.execute(f"GRANT INSERT, UPDATE ON clients TO {APP}")
    # A registration gives nothing.
    op.execute(
        f"CREATE POLICY app_insert ON clients FOR INSERT TO {APP} WITH CHECK ({SYSTEM} AND NOT is_demo AND scopes = '{{}}' "
        f"AND regions = '{{}}' AND confirmed_by IS NULL AND requested_by = {ME})"
    )
    op.execute(
        f"CREATE POLICY app_update ON clients FOR UPDATE TO {APP} USING ({ADMINISTRATORS}) WITH CHECK ({ADMINISTRATORS})"
    )
    op.create_table(
        "rate_limits",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("holder", "budget", name=op.f("pk_rate_limits")),
        prefixes=["UNLOGGED"],
    )
    # Room for the next version of a row beside it: the index has nothing to do with a count.
    op.execute("ALTER TABLE rate_limits SET (fillfactor = 50)")
    for statement in protect("rate_limits"):
        op.execute(statement)
    for signature, body in FUNCTIONS:
        for statement in engine_function(signature, body):
            op.execute(statement)
    op.execute(engine_function_again(_ON_CLIENT, ON_CLIENT))


def downgrade() -> None:
    before = runpy.run_path(str(Path(__file__).with_name("0004_entry.py")))
    op.execute(engine_function_again(_ON_CLIENT, before["ON_CLIENT"]))
    for signature, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION gate.{signature.split('(')[0]}")
    op.drop_table("rate_limits")
    for policy in ("app_insert", "app_update"):
        op.execute(f"DROP POLICY {policy} ON clients")
    op.execute(f"REVOKE INSERT, UPDATE ON clients FROM {APP}")
    op.execute(f"ALTER POLICY app_select ON clients USING (id = {ME} OR {ADMINISTRATORS})")
    op.drop_constraint(op.f("ck_clients_limits_in_range"), "clients")
    for column in (
        *("reads_limit", "writes_limit", "pushes_limit", "disabled_at", "confirmed_at", "confirmed_by"),
        *("requested_at", "requested_by", "requested_regions", "requested_scopes"),
    ):
        op.drop_column("clients", column)
