"""Eligibility per capacity (Art. 11): rules and facts, organisation trees, and who is looked at again.

Revision: 0019
Follows: 0018
"""

import runpy
from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.models.ddl import APP, WORKER, engine_function, engine_function_again, not_walled, protect, walls_on, within

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ME = "(SELECT gate.principal())"

# Names are hints, codes decide: full width folded, spaces, dots, brackets and the forms of companies left out.
FOLDED = """
BEGIN
    RETURN regexp_replace(lower(regexp_replace(normalize(name, NFKC), '[[:space:]·•.,()（）"''-]', '', 'g')),
                          '(有限责任公司|股份有限公司|有限公司|集团|公司)$', '');
END
"""

# A body of the league stands above nobody here, or nobody in the league could review and no officer work.
LEAGUE_BODY = """
BEGIN
    RETURN EXISTS (SELECT FROM organisations AS o JOIN regions AS r ON r.code = o.region_code
                   WHERE o.id = organisation AND r.level = 'league' AND o.kind IN (
                       'party_committee', 'government', 'management_committee', 'department', 'public_institution'));
END
"""

# Itself, the bodies above it and those below (上下级单位). UNION ends where the tree runs in a circle.
AFFILIATES = """
BEGIN
    IF gate.league_body(organisation) THEN
        RETURN ARRAY[organisation];
    END IF;
    RETURN ARRAY(
        WITH RECURSIVE above AS (
            SELECT o.id, o.parent_id FROM organisations AS o WHERE o.id = organisation
            UNION
            SELECT o.id, o.parent_id FROM organisations AS o JOIN above ON o.id = above.parent_id
            WHERE NOT gate.league_body(o.id)
        ), below AS (
            SELECT o.id FROM organisations AS o WHERE o.id = organisation
            UNION
            SELECT o.id FROM organisations AS o JOIN below ON o.parent_id = below.id
        )
        SELECT id FROM above UNION SELECT id FROM below);
END
"""

# Why a person may not act in this capacity over this subject: rule by rule, with the facts. `bars` is false for what
# is only a hint; `is_unknown` where a fact is missing. What applies to which capacity, and how far back, is data
# (`relations`). `seated`: whoever sits already is not unseated by what the region can state by itself (its investors,
# who prepared its plan), nor by the pool's own housekeeping: or one side could choose its judges.
ELIGIBILITY = """
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH asked AS (
        SELECT r.code, CASE WHEN r.look_back_years IS NULL THEN '-infinity'::date
                            ELSE (on_day - make_interval(years => r.look_back_years))::date END AS since
        FROM relations AS r WHERE capacity = ANY (r.capacities)
    ), ties AS (
        SELECT e.id, e.kind, e.organisation_id, o.name, o.region_code, e.posted_region, e.starts_on, e.ends_on,
               gate.affiliates(o.id) AS bodies,
               jsonb_build_object('employment_id', e.id, 'kind', e.kind, 'organisation_id', o.id,
                   'organisation_name', o.name, 'posted_region', e.posted_region, 'starts_on', e.starts_on,
                   'ends_on', e.ends_on) AS fact
        FROM employments AS e JOIN organisations AS o ON o.id = e.organisation_id WHERE e.person_id = person
    )
    SELECT 'not_in_pool'::text, true, false, NULL::jsonb
    WHERE capacity = 'reviewer' AND (
        (NOT seated AND NOT EXISTS (SELECT FROM experts AS x WHERE x.person_id = person AND x.active
                                    AND (x.term_ends_on IS NULL OR x.term_ends_on >= on_day)))
        OR NOT EXISTS (SELECT FROM grants AS g WHERE g.person_id = person AND g.role = 'expert' AND g.state = 'active')
        OR EXISTS (SELECT FROM principals AS p WHERE p.id = person AND p.disabled_at IS NOT NULL))
    UNION ALL
    SELECT 'recused', true, false, NULL
    WHERE EXISTS (SELECT FROM walls AS w WHERE w.person_id = person
                  AND w.subject = ANY (array_remove(ARRAY['region:' || region, 'case:' || kase], NULL)))
    UNION ALL
    SELECT 'unknown_employer', true, true, NULL
    WHERE capacity = 'reviewer' AND NOT EXISTS (SELECT FROM ties AS t WHERE t.ends_on IS NULL OR t.ends_on >= on_day)
    UNION ALL
    SELECT 'declaration_missing', false, true, jsonb_build_object('year', extract(year FROM on_day)::integer)
    WHERE NOT EXISTS (SELECT FROM declarations AS d WHERE d.person_id = person AND d.assignment_id IS NULL
                      AND d.year = extract(year FROM on_day))
    UNION ALL
    SELECT 'employed_there', true, false, t.fact FROM ties AS t JOIN asked AS a ON a.code = 'employed_there'
    WHERE t.kind IN ('staff', 'seconded') AND (t.ends_on IS NULL OR t.ends_on >= a.since)
        AND region IN (t.region_code, t.posted_region)
    UNION ALL
    -- Whoever works elsewhere and is posted there is barred from it, whatever the tie is called.
    SELECT 'board_or_shareholder', true, false, t.fact FROM ties AS t JOIN asked AS a ON a.code = 'board_or_shareholder'
    WHERE t.kind NOT IN ('staff', 'seconded') AND (t.ends_on IS NULL OR t.ends_on >= a.since)
        AND (region IN (t.region_code, t.posted_region)
             OR EXISTS (SELECT FROM organisations AS o WHERE o.id = ANY (t.bodies) AND o.region_code = region))
    UNION ALL
    SELECT 'affiliated_body', true, false, t.fact || jsonb_build_object('affiliate_id', o.id, 'affiliate_name', o.name)
    FROM ties AS t JOIN asked AS a ON a.code = 'affiliated_body'
    JOIN organisations AS o ON o.id = ANY (t.bodies) AND o.region_code = region
    WHERE t.kind IN ('staff', 'seconded') AND (t.ends_on IS NULL OR t.ends_on >= a.since) AND t.region_code <> region
    UNION ALL
    SELECT 'staff_there', true, false,
           jsonb_build_object('role', g.role, 'organisation_id', g.organisation_id, 'ended_at', g.ended_at)
    FROM grants AS g JOIN asked AS a ON a.code = 'employed_there'
    WHERE g.person_id = person AND (g.state = 'active' OR g.ended_at >= a.since)
        AND ((g.role IN ('region_editor', 'region_approver') AND g.region_code = region)
             OR (g.role = 'construction_entity' AND EXISTS (
                 SELECT FROM projects AS p WHERE p.organisation_id = g.organisation_id
                 AND p.membership = 'in_library' AND p.region_code = region)))
    UNION ALL
    SELECT 'own_project', true, false, t.fact || jsonb_build_object('project_id', p.id)
    FROM ties AS t JOIN asked AS a ON a.code = 'own_project'
    JOIN projects AS p ON p.organisation_id = ANY (t.bodies) AND p.region_code = region AND p.membership = 'in_library'
    WHERE NOT seated AND (t.ends_on IS NULL OR t.ends_on >= a.since)
    UNION ALL
    -- Of plans that the office has filed: what a region writes in a draft is nobody's fact.
    SELECT 'prepared_it', true, false, jsonb_build_object('plan_id', f.plan_id, 'version', f.version_number)
    FROM plan_filings AS f JOIN asked AS a ON a.code = 'prepared_it'
    JOIN plan_versions AS v ON v.plan_id = f.plan_id AND v.number = f.version_number
    CROSS JOIN jsonb_array_elements(v.content -> 'preparers') AS q
    WHERE NOT seated AND f.region_code = region AND f.outcome = 'filed' AND f.decided_at >= a.since
        AND (q ->> 'person_id' = person::text
             OR EXISTS (SELECT FROM ties AS t WHERE t.organisation_id::text = q ->> 'organisation_id'))
    UNION ALL
    SELECT 'prepared_it', true, false, jsonb_build_object('evaluation_id', v.evaluation_id, 'version', v.number)
    FROM evaluation_versions AS v JOIN asked AS a ON a.code = 'prepared_it'
    WHERE v.region_code = region AND person IN (v.submitted_by, v.signed_by) AND v.signed_at >= a.since
    UNION ALL
    SELECT 'prepared_it', true, false, jsonb_build_object('case_id', c.id)
    FROM cases AS c JOIN asked AS a ON a.code = 'prepared_it'
    WHERE c.id = kase AND person = ANY (c.edited_by || ARRAY[c.prepared_by, c.recommended_by])
    UNION ALL
    SELECT 'supervises_it', true, false, jsonb_build_object('role', g.role)
    FROM grants AS g JOIN asked AS a ON a.code = 'supervises_it'
    WHERE g.person_id = person AND g.state = 'active' AND g.role IN ('league_office', 'discipline_inspector')
    UNION ALL
    SELECT 'named_by_region', false, false, jsonb_build_object('name', n.name, 'organisation', n.organisation)
    FROM exclusion_names AS n JOIN asked AS a ON a.code = 'named_by_region'
    JOIN evaluations AS v ON v.id = n.evaluation_id AND v.assessment_year = extract(year FROM on_day) - 1
    JOIN people AS p ON p.id = person AND gate.folded(p.name) = gate.folded(n.name)
    WHERE n.region_code = region
    UNION ALL
    SELECT DISTINCT 'similar_name', false, false,
           t.fact || jsonb_build_object('affiliate_id', o.id, 'affiliate_name', o.name)
    FROM ties AS t
    JOIN organisations AS o ON o.region_code = region AND o.id <> ALL (t.bodies) AND t.region_code <> region
        AND (gate.folded(o.name) = gate.folded(t.name) OR gate.folded(o.short_name) = gate.folded(t.name)
             OR EXISTS (SELECT FROM organisations AS own WHERE own.id = t.organisation_id
                        AND gate.folded(own.short_name) IN (gate.folded(o.name), gate.folded(o.short_name))));
END
"""

INELIGIBILITY = """
BEGIN
    RETURN ARRAY(SELECT DISTINCT e.rule FROM gate.eligibility(person, 'reviewer', region, kase, on_day, seated) AS e
                 WHERE e.bars ORDER BY 1);
END
"""

# Asked for by those who decide, about what they are clear of; nobody else learns anything.
CHECK_ELIGIBILITY = """
#variable_conflict use_column
DECLARE kase_region text := region;
BEGIN
    IF kase IS NOT NULL THEN
        SELECT c.region_code INTO kase_region FROM cases AS c WHERE c.id = kase;
    END IF;
    IF NOT gate.handles() OR gate.kind() IS DISTINCT FROM 'person'
        OR NOT gate.clear_of(kase_region, NULL, NULL, kase, '{}') THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.person, e.rule, e.bars, e.is_unknown, e.facts
    FROM unnest(people) WITH ORDINALITY AS asked (person, place)
    LEFT JOIN LATERAL gate.eligibility(asked.person, capacity, kase_region, kase, on_day, false) AS e ON true
    ORDER BY asked.place, e.rule, e.facts::text;
END
"""

# Discretionary acts other than a review: looked at again under the lock, with the person's present relations.
MAY_ACT = """
BEGIN
    RETURN NOT EXISTS (SELECT FROM gate.eligibility(gate.principal(), capacity, region, kase, on_day, true) AS e
                       WHERE e.bars);
END
"""

# Whoever holds a judging grant, or sits or has judged somewhere, is looked at again after a change of employment,
# grants or organisations: what bars is a recusal at once (`detected`). An officer posted there is barred anyway.
# What the region states by itself bars nobody here.
RECHECK = """
DECLARE
    place record;
    recusal uuid;
    begun integer := 0;
    leads boolean := EXISTS (SELECT FROM grants AS g WHERE g.person_id = person AND g.state = 'active'
                             AND g.role IN ('league_office', 'league_committee', 'discipline_inspector'));
BEGIN
    IF NOT leads AND NOT EXISTS (SELECT FROM assignments AS a WHERE a.person_id = person)
        AND NOT EXISTS (SELECT FROM appraisal_files AS f WHERE person IN (f.appraised_by, f.approved_by)) THEN
        RETURN 0;
    END IF;
    PERFORM gate.require_exclusive(person);
    FOR place IN
        SELECT r.code, found.rule
        FROM regions AS r
        CROSS JOIN LATERAL (SELECT gate.judges(person, r.code) AS sits) AS here
        CROSS JOIN LATERAL (
            SELECT min(CASE e.rule WHEN 'staff_there' THEN 'employed_there' ELSE e.rule END) AS rule
            FROM gate.eligibility(person, CASE WHEN here.sits THEN 'reviewer' ELSE 'appraiser' END, r.code, NULL,
                                  (at AT TIME ZONE 'Asia/Shanghai')::date, true) AS e
            WHERE e.bars AND (e.rule IN ('employed_there', 'affiliated_body', 'board_or_shareholder')
                              -- Staff of a region are never on the league's side there: only what they judged counts.
                              OR (e.rule = 'staff_there' AND here.sits))
        ) AS found
        WHERE r.assessed AND (leads OR here.sits) AND found.rule IS NOT NULL
            AND NOT EXISTS (SELECT FROM recusals AS known WHERE known.person_id = person
                            AND known.region_code = r.code AND known.state IN ('provisional', 'in_force'))
        ORDER BY 1
    LOOP
        recusal := gate.derived(concat_ws('/', person, place.code, at));
        INSERT INTO recusals (id, person_id, region_code, reaches, initiator, relation_code, statement, attributed_to,
                              state, declared_at, version, created_at, updated_at)
        VALUES (recusal, person, place.code, '{}', 'detected', place.rule,
                '任职、授权或单位隶属变更 / A change of employment, grants or organisations', act_of, 'provisional', at,
                1, at, at);
        INSERT INTO audit_entries (id, occurred_at, request_id, actor_kind, action, outcome, resource_kind,
                                   resource_id, region_code, changes)
        VALUES (gate.derived(concat_ws('/', recusal, 'audit')), at, '', 'system', 'recusals.detect', 'done', 'recusal',
                recusal, place.code, jsonb_build_object('attributed_to', act_of));
        INSERT INTO outbox_events (id, occurred_at, type, resource_kind, resource_id, region_code)
        VALUES (gen_random_uuid(), at, 'recusals.detect', 'recusal', recusal, place.code);
        PERFORM gate.protect(person, at, recusal);
        begun := begun + 1;
    END LOOP;
    RETURN begun;
END
"""

# In the same transaction as the change: it is the administrators' act, not the region's. Both tables take their times
# from the clock of the application.
ON_RELATION = """
BEGIN
    PERFORM gate.recheck(NEW.person_id, gate.principal(), coalesce((to_jsonb(NEW) ->> 'updated_at')::timestamptz,
                                                 (to_jsonb(NEW) ->> 'ended_at')::timestamptz,
                                                 (to_jsonb(NEW) ->> 'granted_at')::timestamptz));
    RETURN NULL;
END
"""

# Who is tied to a body that changed, or to one above or below it: for the worker, who looks at each of them again.
TIED_TO = """
BEGIN
    RETURN QUERY
    SELECT DISTINCT e.person_id FROM employments AS e
    WHERE e.organisation_id = ANY (ARRAY(
        WITH RECURSIVE above AS (
            SELECT o.id, o.parent_id FROM organisations AS o WHERE o.id = organisation
            UNION
            SELECT o.id, o.parent_id FROM organisations AS o JOIN above ON o.id = above.parent_id
        ), below AS (
            SELECT id FROM above
            UNION
            SELECT o.id FROM organisations AS o JOIN below ON o.parent_id = below.id
        )
        SELECT id FROM below));
END
"""

# As before; and until everybody tied to a changed organisation was looked at again.
PENDING_ON = """
BEGIN
    RETURN EXISTS (
        SELECT FROM recusals AS r
        WHERE ((r.state = 'pending'
                -- Who is walled may inform, and holds nothing up by it.
                AND NOT EXISTS (SELECT FROM walls AS w WHERE w.person_id = r.initiated_by AND w.subject = ANY (
                    ARRAY['region:' || region, 'case:' || kase]))
                -- Nor does who names somebody that has no hand in it, or says again what was rejected.
                AND gate.has_a_hand(r.person_id, region, kase)
                AND NOT EXISTS (SELECT FROM recusals AS said WHERE said.state = 'rejected' AND said.id <> r.id
                    AND said.person_id = r.person_id AND said.initiated_by = r.initiated_by
                    AND said.relation_code = r.relation_code
                    AND (said.region_code, said.organisation_id, said.project_id, said.case_id)
                        IS NOT DISTINCT FROM (r.region_code, r.organisation_id, r.project_id, r.case_id)))
               OR (r.state = 'provisional' AND r.initiator <> 'self'))
          AND (r.region_code = region OR r.case_id = kase
               OR ARRAY['region:' || region, 'case:' || kase]
                  && (r.reaches || gate.reach(r.organisation_id, r.project_id))))
        OR EXISTS (SELECT FROM outbox_events AS e WHERE e.delivered_at IS NULL AND e.type = 'organisations.update')
        OR EXISTS (SELECT FROM jobs AS j WHERE j.kind = 'recusals.examine_organisation' AND j.state <> 'done');
END
"""

# Who sits, has judged, or could: an officer of the league handles everything.
HAS_A_HAND = """
BEGIN
    RETURN EXISTS (SELECT FROM assignments AS a WHERE a.person_id = person AND a.state NOT IN ('declined', 'voided')
                   AND (a.region_code = region OR a.case_id = kase))
        OR EXISTS (SELECT FROM appraisal_files AS f WHERE f.region_code = region
                   AND person IN (f.appraised_by, f.approved_by))
        OR EXISTS (SELECT FROM grants AS g WHERE g.person_id = person AND g.state = 'active'
                   AND g.role IN ('league_office', 'league_committee', 'discipline_inspector'));
END
"""

_FOUND = "RETURNS TABLE(rule text, bars boolean, is_unknown boolean, facts jsonb)"
NEW_FUNCTIONS: list[tuple[str, str, tuple[str, ...]]] = [
    ("folded(name text) RETURNS text", FOLDED, ()),
    ("league_body(organisation uuid) RETURNS boolean", LEAGUE_BODY, ()),
    ("affiliates(organisation uuid) RETURNS uuid[]", AFFILIATES, ()),
    (
        f"eligibility(person uuid, capacity text, region text, kase uuid, on_day date, seated boolean) {_FOUND}",
        ELIGIBILITY,
        (),
    ),
    (
        "check_eligibility(people uuid[], capacity text, region text, kase uuid, on_day date) "
        "RETURNS TABLE(person uuid, rule text, bars boolean, is_unknown boolean, facts jsonb)",
        CHECK_ELIGIBILITY,
        (APP,),
    ),
    ("may_act(capacity text, region text, kase uuid, on_day date) RETURNS boolean", MAY_ACT, (APP,)),
    ("recheck(person uuid, act_of uuid, at timestamptz) RETURNS integer", RECHECK, (WORKER,)),
    ("tied_to(organisation uuid) RETURNS SETOF uuid", TIED_TO, (WORKER,)),
    ("has_a_hand(person uuid, region text, kase uuid) RETURNS boolean", HAS_A_HAND, ()),
]
_INELIGIBILITY = "ineligibility(person uuid, region text, kase uuid, on_day date, seated boolean) RETURNS text[]"
_ON_RELATION = "on_relation() RETURNS trigger"
_PENDING_ON = "pending_on(region text, kase uuid) RETURNS boolean"

OWN_NAMES = within("region_code", "regions")
EVERY = ("select", "insert", "update", "delete")
POLICIES = [
    # A region's own staff name them, and who runs the evaluation reads them; nobody who is recused there does either.
    *protect(
        "exclusion_names",
        select=f"{OWN_NAMES} OR (SELECT gate.handles())",
        insert=f"{OWN_NAMES} AND named_by = {ME}",
        delete=OWN_NAMES,
        walls=walls_on(EVERY, f"(SELECT gate.kind()) = 'person' AND {not_walled('region', 'region_code')}"),
    ),
]


def upgrade() -> None:
    op.create_table(
        "exclusion_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("named_by", sa.Uuid(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 3", name=op.f("ck_exclusion_names_three_at_most")),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "region_code"],
            ["evaluations.id", "evaluations.region_code"],
            name=op.f("fk_exclusion_names_evaluation_id_region_code"),
        ),
        sa.ForeignKeyConstraint(["named_by"], ["people.id"], name=op.f("fk_exclusion_names_named_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusion_names")),
        sa.UniqueConstraint("evaluation_id", "position", name=op.f("uq_exclusion_names_evaluation_id_position")),
    )
    op.create_index("ix_jobs_undone", "jobs", ["kind"], postgresql_where=sa.text("state <> 'done'"))
    op.drop_constraint(op.f("ck_employments_kind_known"), "employments")
    op.create_check_constraint(
        op.f("ck_employments_kind_known"),
        "employments",
        "kind IN ('staff', 'seconded', 'board', 'adviser', 'shareholder')",
    )
    for statement in POLICIES:
        op.execute(statement)
    for signature, body, callers in NEW_FUNCTIONS:
        for statement in engine_function(signature, body, callers=callers):
            op.execute(statement)
    # What 0017 made in its place names the recusal that it follows from.
    op.execute("DROP FUNCTION gate.protect(uuid, timestamptz)")
    for signature, body in (
        (_INELIGIBILITY, INELIGIBILITY),
        (_ON_RELATION, ON_RELATION),
        (_PENDING_ON, PENDING_ON),
    ):
        op.execute(engine_function_again(signature, body))


def downgrade() -> None:
    before = runpy.run_path(str(Path(__file__).with_name("0015_recusal_gate.py")))
    for statement in engine_function(
        "protect(target uuid, at timestamptz) RETURNS void", before["PROTECT"], callers=()
    ):
        op.execute(statement)
    for signature, name in (
        (_PENDING_ON, "PENDING_ON"),
        (_ON_RELATION, "ON_RELATION"),
        (_INELIGIBILITY, "INELIGIBILITY"),
    ):
        op.execute(engine_function_again(signature, before[name]))
    for signature, _, _ in reversed(NEW_FUNCTIONS):
        op.execute(f"DROP FUNCTION gate.{signature.split('(')[0]}")
    op.execute("UPDATE employments SET kind = 'board' WHERE kind = 'shareholder'")
    op.drop_constraint(op.f("ck_employments_kind_known"), "employments")
    op.create_check_constraint(
        op.f("ck_employments_kind_known"), "employments", "kind IN ('staff', 'seconded', 'board', 'adviser')"
    )
    op.drop_index("ix_jobs_undone", table_name="jobs")
    op.drop_table("exclusion_names")
