"""Entering a transaction, raising walls, logging in: the engine's functions over identity rows.

Revision: 0004
Follows: 0003
"""

from alembic import op

from app.models.ddl import APP, ENGINE, WORKER, engine_function, not_walled

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# STABLE, never cached in a setting or a token: what a recusal changed counts from the next statement on.
WALLS = """
SELECT coalesce(array_agg(subject), '{}') FROM public.walls
WHERE person_id = gate.principal() AND gate.kind() = 'person'
"""

# Called after the locks were taken: each statement of a VOLATILE function has its own snapshot, so `rev` is
# read as it stands under the lock (lock and check in one statement would accept a stale one).
LOAD_CONTEXT = """
DECLARE
    known record;
    roles text[] := '{}';
    regions text[] := '{}';
    organisations text[] := '{}';
    fields text[] := '{}';
    pusher record;
BEGIN
    PERFORM set_config('liangshan.' || name, '', true)
    FROM unnest('{kind,principal,roles,regions,organisations,fields,client_regions,source}'::text[]) AS name;
    IF as_kind = 'public' THEN
        PERFORM set_config('liangshan.kind', 'public', true);
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT p.rev INTO known FROM principals AS p
    WHERE p.id = as_principal AND p.kind = as_kind AND p.disabled_at IS NULL;
    IF NOT FOUND THEN
        RETURN NEXT;
        RETURN;
    END IF;
    rev := known.rev;
    PERFORM set_config('liangshan.kind', as_kind, true), set_config('liangshan.principal', as_principal::text, true);
    IF as_kind = 'person' THEN
        SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'role', g.role, 'region_code', g.region_code,
                   'organisation_id', g.organisation_id) ORDER BY g.role, g.region_code, g.organisation_id), '[]'),
               coalesce(array_agg(DISTINCT g.role), '{}'),
               coalesce(array_agg(DISTINCT g.region_code)
                   FILTER (WHERE g.role IN ('region_editor', 'region_approver')), '{}'),
               coalesce(array_agg(DISTINCT g.organisation_id::text)
                   FILTER (WHERE g.role = 'construction_entity'), '{}')
        INTO grants, roles, regions, organisations
        FROM grants AS g WHERE g.person_id = as_principal AND g.state = 'active';
        SELECT coalesce(array_agg(DISTINCT mode), '{}') INTO fields
        FROM grants AS g
        JOIN organisations AS o ON o.id = g.organisation_id
        CROSS JOIN LATERAL unnest(o.charge_modes) AS mode
        WHERE g.person_id = as_principal AND g.state = 'active' AND g.role = 'league_department';
        PERFORM set_config('liangshan.roles', array_to_string(roles, ','), true),
                set_config('liangshan.regions', array_to_string(regions, ','), true),
                set_config('liangshan.organisations', array_to_string(organisations, ','), true),
                set_config('liangshan.fields', array_to_string(fields, ','), true);
    ELSE
        SELECT c.client_id, c.name, c.organisation_id, c.source_system, c.scopes, c.regions INTO pusher
        FROM clients AS c WHERE c.id = as_principal;
        client := to_jsonb(pusher);
        PERFORM set_config('liangshan.client_regions', array_to_string(pusher.regions, ','), true),
                set_config('liangshan.source', pusher.source_system, true);
    END IF;
    RETURN NEXT;
END
"""

_CONTEXT_COLUMNS = "RETURNS TABLE(rev integer, grants jsonb, client jsonb)"

ENTER = """
BEGIN
    PERFORM gate.take_locks('{}', array_append(relied_on, as_principal));
    RETURN QUERY SELECT * FROM gate.load_context(as_kind, as_principal);
END
"""

ENTER_EXCLUSIVE = """
BEGIN
    PERFORM gate.take_locks(targets, array_append(relied_on, as_principal));
    RETURN QUERY SELECT * FROM gate.load_context(as_kind, as_principal);
END
"""

PUT_WALL = """
BEGIN
    PERFORM gate.require_exclusive(person);
    INSERT INTO walls (person_id, subject, since) VALUES (person, from_subject, at) ON CONFLICT DO NOTHING;
    UPDATE principals SET rev = rev + 1 WHERE id = person;
END
"""

DROP_WALL = """
BEGIN
    PERFORM gate.require_exclusive(person);
    DELETE FROM walls WHERE person_id = person AND subject = from_subject;
    UPDATE principals SET rev = rev + 1 WHERE id = person;
END
"""

# Triggers, so that no caller can forget: a change of grants needs the lock and raises `rev`.
ON_GRANT = """
DECLARE person uuid := coalesce(NEW.person_id, OLD.person_id);
BEGIN
    IF OLD.person_id <> person THEN
        RAISE EXCEPTION 'a grant stays with its person' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM gate.require_exclusive(person);
    UPDATE principals SET rev = rev + 1 WHERE id = person;
    RETURN NULL;
END
"""

# Employment and the verified identity: what eligibility is decided from.
ON_IDENTITY = """
DECLARE person uuid := coalesce(NEW.person_id, OLD.person_id);
BEGIN
    IF OLD.person_id <> person THEN
        RAISE EXCEPTION 'it stays with its person' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM gate.require_exclusive(person);
    RETURN NULL;
END
"""

ON_CLIENT = """
BEGIN
    PERFORM gate.require_exclusive(NEW.id);
    UPDATE principals SET rev = rev + 1 WHERE id = NEW.id;
    RETURN NULL;
END
"""

SET_PRINCIPAL_STATE = """
BEGIN
    IF NOT gate.has_role('{system_admin,security_admin}') THEN
        RAISE EXCEPTION 'administrators only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM gate.require_exclusive(target);
    UPDATE principals SET disabled_at = disabled, rev = rev + 1 WHERE id = target;
    UPDATE refresh_tokens SET revoked_at = at WHERE person_id = target AND revoked_at IS NULL;
END
"""

LOGIN = """
BEGIN
    RETURN QUERY
    SELECT a.person_id, c.password_hash, c.locked_until, a.disabled_at IS NOT NULL OR p.disabled_at IS NOT NULL
    FROM accounts AS a
    JOIN credentials AS c ON c.person_id = a.person_id
    JOIN principals AS p ON p.id = a.person_id
    WHERE a.username = as_username;
END
"""

# Five failures in a row lock the account for fifteen minutes (usual values of GB/T 22239 assessors). What fails
# while it is locked is not counted: it would lock it for ever.
LOGIN_FAILED = """
BEGIN
    UPDATE credentials
    SET locked_until = CASE WHEN failed_attempts >= 4 THEN at + interval '15 minutes' ELSE NULL END,
        failed_attempts = CASE WHEN failed_attempts >= 4 THEN 0 ELSE failed_attempts + 1 END
    WHERE person_id = person AND (locked_until IS NULL OR locked_until <= at);
END
"""

# False where the account was locked, or its password changed, while the digest was being verified: guesses made
# at the same time must not get round the lock, nor an old password round its change.
LOGIN_SUCCEEDED = """
BEGIN
    IF person IS DISTINCT FROM gate.principal() THEN
        RAISE EXCEPTION 'own account only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE credentials SET failed_attempts = 0, locked_until = NULL,
        password_hash = coalesce(rehashed, password_hash)
    WHERE person_id = person AND password_hash = verified AND (locked_until IS NULL OR locked_until <= at);
    RETURN FOUND;
END
"""

SET_PASSWORD = """
BEGIN
    IF person IS DISTINCT FROM gate.principal() AND NOT gate.has_role('{system_admin}') THEN
        RAISE EXCEPTION 'own password, or a system administrator' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO credentials (person_id, password_hash, failed_attempts, changed_at)
    VALUES (person, hashed, 0, at)
    ON CONFLICT (person_id) DO UPDATE
    SET password_hash = excluded.password_hash, failed_attempts = 0, locked_until = NULL, changed_at = at;
    UPDATE refresh_tokens SET revoked_at = at
    WHERE person_id = person AND revoked_at IS NULL AND family_id IS DISTINCT FROM kept_family;
END
"""

STORE_REFRESH = """
BEGIN
    IF person IS DISTINCT FROM gate.principal() THEN
        RAISE EXCEPTION 'own session only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO refresh_tokens (id, family_id, person_id, digest, scopes, issued_at, expires_at)
    VALUES (token, family, person, token_digest, bounded_to, at, until);
END
"""

REFRESH_HOLDER = """
BEGIN
    RETURN (SELECT person_id FROM refresh_tokens WHERE digest = token_digest);
END
"""

# A token that was used before ends its family: one of its two holders is a thief (RFC 9700).
USE_REFRESH = """
DECLARE held refresh_tokens%ROWTYPE;
BEGIN
    SELECT * INTO held FROM refresh_tokens WHERE digest = token_digest FOR UPDATE;
    family := held.family_id;
    bounded_to := held.scopes;
    outcome := CASE
        WHEN held.id IS NULL THEN 'unknown'
        WHEN held.used_at IS NOT NULL THEN 'reused'
        WHEN held.revoked_at IS NOT NULL THEN 'revoked'
        WHEN held.expires_at <= at THEN 'expired'
        ELSE 'accepted' END;
    IF outcome = 'reused' THEN
        UPDATE refresh_tokens SET revoked_at = at WHERE family_id = held.family_id AND revoked_at IS NULL;
    ELSIF outcome = 'accepted' THEN
        UPDATE refresh_tokens SET used_at = at WHERE id = held.id;
    END IF;
    RETURN NEXT;
END
"""

REVOKE_REFRESH = """
BEGIN
    UPDATE refresh_tokens SET revoked_at = at
    WHERE revoked_at IS NULL
      AND family_id = (SELECT family_id FROM refresh_tokens WHERE digest = token_digest);
END
"""

REVOKE_FAMILY = """
BEGIN
    UPDATE refresh_tokens SET revoked_at = at WHERE family_id = family AND revoked_at IS NULL;
END
"""

FAMILY_REVOKED = """
BEGIN
    RETURN EXISTS (SELECT FROM refresh_tokens WHERE family_id = family AND revoked_at IS NOT NULL);
END
"""

CLIENT_LOGIN = """
BEGIN
    RETURN QUERY
    SELECT c.id, coalesce(array_agg(s.digest) FILTER (WHERE s.id IS NOT NULL AND s.revoked_at IS NULL), '{}'),
           p.disabled_at IS NOT NULL
    FROM clients AS c
    JOIN principals AS p ON p.id = c.id
    LEFT JOIN client_secrets AS s ON s.client_id = c.id
    WHERE c.client_id = as_client_id
    GROUP BY c.id, p.disabled_at;
END
"""

# What `serve` asks before it opens its port.
HAS_DEMO = """
BEGIN
    RETURN EXISTS (SELECT FROM accounts WHERE is_demo) OR EXISTS (SELECT FROM clients WHERE is_demo);
END
"""

SIGNING_KEYS = """
BEGIN
    RETURN QUERY SELECT k.kid, k.sealed_private_key, k.public_jwk, k.state
    FROM signing_keys AS k WHERE k.state <> 'revoked' ORDER BY k.created_at DESC;
END
"""

FUNCTIONS: list[tuple[str, str, tuple[str, ...]]] = [
    (f"load_context(as_kind text, as_principal uuid) {_CONTEXT_COLUMNS}", LOAD_CONTEXT, ()),
    (f"enter(as_kind text, as_principal uuid, relied_on uuid[]) {_CONTEXT_COLUMNS}", ENTER, (APP,)),
    (
        f"enter_exclusive(as_kind text, as_principal uuid, targets uuid[], relied_on uuid[]) {_CONTEXT_COLUMNS}",
        ENTER_EXCLUSIVE,
        (APP,),
    ),
    ("put_wall(person uuid, from_subject text, at timestamptz) RETURNS void", PUT_WALL, (WORKER,)),
    ("drop_wall(person uuid, from_subject text) RETURNS void", DROP_WALL, (WORKER,)),
    ("on_grant() RETURNS trigger", ON_GRANT, ()),
    ("on_identity() RETURNS trigger", ON_IDENTITY, ()),
    ("on_client() RETURNS trigger", ON_CLIENT, ()),
    (
        "set_principal_state(target uuid, disabled timestamptz, at timestamptz) RETURNS void",
        SET_PRINCIPAL_STATE,
        (APP,),
    ),
    (
        "login(as_username text) RETURNS TABLE(person_id uuid, password_hash text, "
        "locked_until timestamptz, disabled boolean)",
        LOGIN,
        (APP,),
    ),
    ("login_failed(person uuid, at timestamptz) RETURNS void", LOGIN_FAILED, (APP,)),
    (
        "login_succeeded(person uuid, verified text, rehashed text, at timestamptz) RETURNS boolean",
        LOGIN_SUCCEEDED,
        (APP,),
    ),
    (
        "set_password(person uuid, hashed text, at timestamptz, kept_family uuid) RETURNS void",
        SET_PASSWORD,
        (APP,),
    ),
    (
        "store_refresh(token uuid, family uuid, person uuid, token_digest text, bounded_to text[], "
        "at timestamptz, until timestamptz) RETURNS void",
        STORE_REFRESH,
        (APP,),
    ),
    ("refresh_holder(token_digest text) RETURNS uuid", REFRESH_HOLDER, (APP,)),
    (
        "use_refresh(token_digest text, at timestamptz) RETURNS TABLE(outcome text, family uuid, bounded_to text[])",
        USE_REFRESH,
        (APP,),
    ),
    ("revoke_refresh(token_digest text, at timestamptz) RETURNS void", REVOKE_REFRESH, (APP,)),
    ("has_demo() RETURNS boolean", HAS_DEMO, (APP,)),
    ("revoke_family(family uuid, at timestamptz) RETURNS void", REVOKE_FAMILY, (APP,)),
    ("family_revoked(family uuid) RETURNS boolean", FAMILY_REVOKED, (APP,)),
    (
        "client_login(as_client_id text) RETURNS TABLE(id uuid, digests text[], disabled boolean)",
        CLIENT_LOGIN,
        (APP,),
    ),
    (
        "signing_keys() RETURNS TABLE(kid text, sealed_private_key text, public_jwk jsonb, state text)",
        SIGNING_KEYS,
        (APP,),
    ),
]

TRIGGERS = (
    ("grants", "INSERT OR UPDATE OR DELETE", "on_grant"),
    ("employments", "INSERT OR UPDATE OR DELETE", "on_identity"),
    ("identity_keys", "INSERT OR UPDATE OR DELETE", "on_identity"),
    ("clients", "INSERT OR UPDATE", "on_client"),
)

# A table older than the walls. Everybody reads practice areas; whoever is recused from the region establishes,
# adjusts and withdraws none of its areas.
PRACTICE_AREA_WALLS = {
    "wall_insert": f"FOR INSERT TO {APP} WITH CHECK ({not_walled('region', 'region_code')})",
    "wall_update": f"FOR UPDATE TO {APP} USING ({not_walled('region', 'region_code')}) "
    f"WITH CHECK ({not_walled('region', 'region_code')})",
}


def upgrade() -> None:
    op.execute(
        "CREATE FUNCTION gate.walls() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER "
        f"SET search_path = pg_catalog, public, pg_temp AS $gate${WALLS}$gate$"
    )
    op.execute(f"ALTER FUNCTION gate.walls() OWNER TO {ENGINE}")
    op.execute("REVOKE ALL ON FUNCTION gate.walls() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION gate.walls() TO {APP}")
    for name, policy in PRACTICE_AREA_WALLS.items():
        op.execute(f"CREATE POLICY {name} ON practice_areas AS RESTRICTIVE {policy}")
    for signature, body, callers in FUNCTIONS:
        for statement in engine_function(signature, body, callers=callers):
            op.execute(statement)
    for table, events, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function} AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION gate.{function}()"
        )


def downgrade() -> None:
    for table, _, function in TRIGGERS:
        op.execute(f"DROP TRIGGER {function} ON {table}")
    for signature, _, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION gate.{signature.split('(')[0]}")
    for name in PRACTICE_AREA_WALLS:
        op.execute(f"DROP POLICY {name} ON practice_areas")
    op.execute("DROP FUNCTION gate.walls()")
