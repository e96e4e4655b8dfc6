"""Recusal in the gate (Art. 11): starting, deciding and lifting one, and what protects at once.

What protects is one call in the transaction that recuses: walls, `rev`, assignments, sheets, files gated, jobs
for what must be repaired. The projection `walls` is made anew from the recusals of the person each time.

Revision: 0015
Follows: 0014
"""

from alembic import op

from app.models.ddl import APP, ENGINE, engine_function

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# What a recusal speaks of beside its own subject, so that nobody who is walled from one handles the other: the
# region of the project or case, the regions whose libraries hold the organisation. Nor does who is also staff of
# what is judged there: a region would choose its judges.
CLEAR_OF = """
BEGIN
    RETURN NOT (gate.walls() || ARRAY(SELECT 'region:' || own FROM unnest(gate.own_regions()) AS own)
                || ARRAY(SELECT 'organisation:' || own FROM unnest(gate.organisations()) AS own)) && (coalesce(reached, '{}') || ARRAY(
        SELECT unnest(array_remove(ARRAY['region:' || region, 'organisation:' || organisation,
                                         'project:' || project, 'case:' || kase], NULL))
        UNION
        SELECT 'region:' || p.region_code FROM projects AS p
        WHERE p.id = project OR (p.organisation_id = organisation AND p.membership IN ('in_library', 'left'))
        UNION
        SELECT unnest(array_remove(ARRAY['region:' || c.region_code, 'project:' || c.project_id,
                                         'organisation:' || p.organisation_id], NULL))
        FROM cases AS c LEFT JOIN projects AS p ON p.id = c.project_id WHERE c.id = kase));
END
"""

MAY_DECIDE = """
BEGIN
    RETURN gate.kind() = 'person' AND gate.handles() AND person IS DISTINCT FROM gate.principal()
        AND gate.clear_of(region, organisation, project, kase, reached);
END
"""

IS_SUBJECT = """
BEGIN
    RETURN num_nonnulls(region, organisation, project, kase) = 1 AND (
        EXISTS (SELECT FROM regions AS r WHERE r.code = region AND r.assessed)
        OR EXISTS (SELECT FROM organisations AS o WHERE o.id = organisation)
        OR EXISTS (SELECT FROM projects AS p WHERE p.id = project)
        OR EXISTS (SELECT FROM cases AS c WHERE c.id = kase));
END
"""

# From an organisation or project: the judgement of every region whose library holds it, and of cases about it.
REACH = """
BEGIN
    RETURN ARRAY(
        SELECT 'region:' || p.region_code FROM projects AS p
        WHERE (p.organisation_id = organisation OR p.id = project) AND p.membership = 'in_library'
        UNION
        SELECT 'case:' || c.id FROM cases AS c JOIN projects AS p ON p.id = c.project_id
        WHERE p.organisation_id = organisation OR p.id = project
        ORDER BY 1);
END
"""

# `taken`, or what is unknown. The subject comes before the person: what is refused must not depend on who is named.
RECUSE = """
DECLARE begun text := CASE WHEN how IN ('self', 'ex_officio', 'detected') THEN 'provisional' ELSE 'pending' END;
BEGIN
    IF (how = 'self' AND person IS DISTINCT FROM gate.principal())
        OR (how = 'ex_officio' AND NOT gate.may_decide(person, region, organisation, project, kase, '{}'))
        OR (how <> 'detected' AND gate.kind() IS DISTINCT FROM 'person')
        OR (how = 'detected' AND (gate.kind() IS NOT NULL
                                  OR NOT pg_has_role(session_user, '{ENGINE}', 'MEMBER'))) THEN
        RAISE EXCEPTION 'not entitled to start this recusal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT gate.is_subject(region, organisation, project, kase) THEN
        RETURN 'unknown_subject';
    END IF;
    IF NOT EXISTS (SELECT FROM relations WHERE code = relation) THEN
        RETURN 'unknown_relation';
    END IF;
    IF NOT EXISTS (SELECT FROM people WHERE id = person) THEN
        -- An application about nobody is taken like any other: the answer must not tell who is known here.
        RETURN CASE begun WHEN 'pending' THEN 'taken' ELSE 'unknown_person' END;
    END IF;
    IF begun = 'provisional' THEN
        PERFORM gate.require_exclusive(person);
    ELSIF EXISTS (SELECT FROM recusals AS r WHERE r.person_id = person AND r.initiated_by = gate.principal()
                  AND r.state = 'pending' AND (r.region_code, r.organisation_id, r.project_id, r.case_id)
                      IS NOT DISTINCT FROM (region, organisation, project, kase)) THEN
        -- Said before, and not decided yet: once is enough, and nothing tells that it was.
        RETURN 'taken';
    END IF;
    INSERT INTO recusals (id, person_id, region_code, organisation_id, project_id, case_id, reaches, initiator,
                          initiated_by, relation_code, statement, state, declared_at, version, created_at, updated_at)
    VALUES (recusal, person, region, organisation, project, kase, gate.reach(organisation, project), how,
            gate.principal(), relation, words, begun, at, 1, at, at);
    IF begun = 'provisional' THEN
        PERFORM gate.protect(person, at);
    END IF;
    RETURN 'taken';
END
""".replace("{ENGINE}", ENGINE)

# Everything of a person that a recusal touches, brought in line with the person's recusals as they stand now.
# `rev` rises only where a wall or an assignment moves: a rejected application must not be felt.
PROTECT = """
DECLARE
    barred text[];
    void text[];
    given_up text[];
    touched uuid[];
    moved integer;
BEGIN
    SELECT coalesce(array_agg(DISTINCT subject), '{}'),
           coalesce(array_agg(DISTINCT subject) FILTER (WHERE state = 'in_force'), '{}'),
           coalesce(array_agg(DISTINCT subject) FILTER (WHERE state = 'in_force' OR initiator = 'self'), '{}')
    INTO barred, void, given_up
    FROM (
        SELECT r.state, r.initiator, unnest(r.reaches || array_remove(ARRAY['region:' || r.region_code,
                   'organisation:' || r.organisation_id, 'project:' || r.project_id, 'case:' || r.case_id], NULL))
               AS subject
        FROM recusals AS r WHERE r.person_id = target AND r.state IN ('provisional', 'in_force')
    ) AS live;
    WITH fallen AS (
        DELETE FROM walls WHERE person_id = target AND subject <> ALL (barred) RETURNING 1
    ), raised AS (
        INSERT INTO walls (person_id, subject, since) SELECT target, unnest(barred), at
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT (SELECT count(*) FROM fallen) + (SELECT count(*) FROM raised) INTO moved;
    IF moved > 0 THEN
        UPDATE principals SET rev = rev + 1 WHERE id = target;
    END IF;

    WITH changed AS (
        UPDATE assignments AS a
        SET state = CASE
                WHEN keys.subjects && void THEN 'voided'
                WHEN keys.subjects && barred THEN 'suspended'
                ELSE a.resume_to END,
            resume_to = CASE
                WHEN keys.subjects && void THEN NULL
                WHEN keys.subjects && barred THEN coalesce(a.resume_to, a.state)
                ELSE NULL END,
            version = a.version + 1, updated_at = at
        FROM (SELECT id, array_remove(ARRAY['region:' || region_code, 'case:' || case_id], NULL) AS subjects
              FROM assignments WHERE person_id = target) AS keys
        WHERE keys.id = a.id AND (
            (keys.subjects && void AND a.state NOT IN ('voided', 'declined'))
            OR (keys.subjects && barred AND NOT keys.subjects && void
                AND a.state IN ('invited', 'accepted', 'declared', 'done'))
            OR (a.state = 'suspended' AND NOT keys.subjects && barred))
        RETURNING a.panel_id
    )
    SELECT coalesce(array_agg(DISTINCT panel_id), '{}') INTO touched FROM changed;
    UPDATE score_sheets AS s
    SET state = CASE WHEN a.state = 'voided' THEN 'voided' WHEN a.state = 'suspended' THEN 'sealed'
                     WHEN s.submitted_at IS NULL THEN 'draft' ELSE 'submitted' END,
        version = s.version + 1, updated_at = at
    FROM assignments AS a
    WHERE a.id = s.assignment_id AND a.person_id = target AND (
        (a.state = 'voided' AND s.state <> 'voided')
        OR (a.state = 'suspended' AND s.state IN ('draft', 'submitted'))
        OR (a.state NOT IN ('voided', 'suspended') AND s.state = 'sealed'));
    -- Files in one order, whoever is being recused at the same time from the same regions.
    PERFORM FROM appraisal_files AS f WHERE f.appraised_by = target OR f.approved_by = target
        OR f.evaluation_id IN (SELECT p.subject_id FROM panels AS p WHERE p.id = ANY (touched))
    ORDER BY f.id FOR UPDATE;
    UPDATE appraisal_files AS f
    SET stale = true, under_correction = f.under_correction OR f.state = 'published',
        version = f.version + 1, updated_at = at
    FROM panels AS p
    WHERE p.id = ANY (touched) AND p.subject_kind = 'evaluation' AND p.subject_id = f.evaluation_id;
    -- What the person appraised or approved before: kept as void, to be done again by somebody else. What another has
    -- ordered waits for its decision: it is held (`pending_on`), and stands where the order is rejected, or one officer
    -- could undo what he does not like.
    WITH reopened AS (
        UPDATE appraisal_files AS f
        SET stale = true, version = f.version + 1, updated_at = at,
            voided = f.voided || jsonb_build_array(jsonb_build_object('state', f.state, 'at', at,
                'appraised_by', f.appraised_by, 'score', f.appraisal_score::text, 'reason', f.appraisal_reason,
                'salt', f.appraisal_salt, 'approved_by', f.approved_by)),
            state = CASE WHEN f.appraised_by = target THEN 'under_review' ELSE 'graded' END,
            appraisal_score = CASE WHEN f.appraised_by = target THEN NULL ELSE f.appraisal_score END,
            appraisal_reason = CASE WHEN f.appraised_by = target THEN NULL ELSE f.appraisal_reason END,
            appraisal_salt = CASE WHEN f.appraised_by = target THEN NULL ELSE f.appraisal_salt END,
            appraised_by = nullif(f.appraised_by, target), approved_by = NULL
        WHERE ('region:' || f.region_code) = ANY (given_up) AND f.state <> 'published'
          AND (f.appraised_by = target OR f.approved_by = target)
        RETURNING f.evaluation_id, f.region_code
    )
    INSERT INTO jobs (id, kind, key, payload, region_code, state, attempts, run_at, asked_at)
    SELECT gen_random_uuid(), 'evaluations.settle', 'evaluations.settle:' || gen_random_uuid(),
           jsonb_build_object('subject_id', r.evaluation_id), r.region_code, 'queued', 0, at, at
    FROM reopened AS r;
    WITH corrected AS (
        UPDATE appraisal_files AS f
        SET stale = true, under_correction = true, version = f.version + 1, updated_at = at
        WHERE ('region:' || f.region_code) = ANY (given_up) AND f.state = 'published' AND NOT f.under_correction
          AND (f.appraised_by = target OR f.approved_by = target)
        RETURNING f.evaluation_id, f.region_code
    )
    INSERT INTO jobs (id, kind, key, payload, region_code, state, attempts, run_at, asked_at)
    SELECT gen_random_uuid(), 'evaluations.settle', 'evaluations.settle:' || gen_random_uuid(),
           jsonb_build_object('subject_id', r.evaluation_id), r.region_code, 'queued', 0, at, at
    FROM corrected AS r;
    PERFORM FROM case_files AS f WHERE f.case_id IN (SELECT p.subject_id FROM panels AS p WHERE p.id = ANY (touched))
    ORDER BY f.id FOR UPDATE;
    UPDATE case_files AS f
    SET stale = true, under_correction = f.under_correction OR f.state = 'published',
        version = f.version + 1, updated_at = at
    FROM panels AS p
    WHERE p.id = ANY (touched) AND p.subject_kind = 'case' AND p.subject_id = f.case_id;
    INSERT INTO jobs (id, kind, key, payload, region_code, state, attempts, run_at, asked_at)
    SELECT gen_random_uuid(), 'reviews.repair', 'reviews.repair:' || gen_random_uuid(),
           jsonb_build_object('panel_id', p.id), p.region_code, 'queued', 0, at, at
    FROM panels AS p WHERE p.id = ANY (touched);

    INSERT INTO recusal_notices (recusal_id, person_id, subject_kind, subject_key, state, since, reason, updated_at)
    SELECT r.id, target,
           CASE WHEN r.region_code IS NOT NULL THEN 'region' WHEN r.organisation_id IS NOT NULL THEN 'organisation'
                WHEN r.project_id IS NOT NULL THEN 'project' ELSE 'case' END,
           coalesce(r.region_code, r.organisation_id::text, r.project_id::text, r.case_id::text),
           -- Since when the person is barred: not since when somebody applied for it.
           r.state, at,
           (SELECT d.reason FROM recusal_decisions AS d WHERE d.recusal_id = r.id AND d.outcome = r.state
            ORDER BY d.number DESC LIMIT 1), at
    FROM recusals AS r WHERE r.person_id = target AND r.state <> 'pending'
        -- A rejected application never became known to the person, and does not become so now.
        AND (r.state <> 'rejected' OR EXISTS (SELECT FROM recusal_notices AS n WHERE n.recusal_id = r.id))
    ON CONFLICT (recusal_id) DO UPDATE
    SET state = excluded.state, reason = excluded.reason, updated_at = at
    WHERE recusal_notices.state <> excluded.state;
END
"""

# `hidden` is answered like absence; `wrong_state` and `same_person` are conflicts.
DECIDE = """
DECLARE found_recusal recusals%ROWTYPE;
BEGIN
    SELECT * INTO found_recusal FROM recusals WHERE id = recusal FOR UPDATE;
    IF found_recusal.id IS NULL OR NOT gate.may_decide(found_recusal.person_id, found_recusal.region_code,
            found_recusal.organisation_id, found_recusal.project_id, found_recusal.case_id, found_recusal.reaches) THEN
        RETURN 'hidden';
    END IF;
    IF found_recusal.state NOT IN ('pending', 'provisional') OR result NOT IN ('in_force', 'rejected') THEN
        RETURN 'wrong_state';
    END IF;
    IF found_recusal.initiated_by = gate.principal() THEN
        RETURN 'same_person';
    END IF;
    PERFORM gate.require_exclusive(found_recusal.person_id);
    INSERT INTO recusal_decisions (id, recusal_id, number, person_id, region_code, organisation_id, project_id, case_id,
                                   outcome, reason, legal_basis, decided_by, decided_at)
    VALUES (decision, recusal, found_recusal.version, found_recusal.person_id, found_recusal.region_code, found_recusal.organisation_id,
            found_recusal.project_id, found_recusal.case_id, result, words, basis, gate.principal(), at);
    UPDATE recusals
    SET state = result, version = version + 1, updated_at = at,
        reaches = ARRAY(SELECT DISTINCT unnest(reaches || gate.reach(organisation_id, project_id)) ORDER BY 1)
    WHERE id = recusal;
    PERFORM gate.protect(found_recusal.person_id, at);
    RETURN 'decided';
END
"""

# 解除回避: two deciders, neither of them the person, neither walled. The first proposes, the second lifts.
LIFT = """
DECLARE
    found_recusal recusals%ROWTYPE;
    proposed_by uuid;
BEGIN
    SELECT * INTO found_recusal FROM recusals WHERE id = recusal FOR UPDATE;
    IF found_recusal.id IS NULL OR NOT gate.may_decide(found_recusal.person_id, found_recusal.region_code,
            found_recusal.organisation_id, found_recusal.project_id, found_recusal.case_id, found_recusal.reaches) THEN
        RETURN 'hidden';
    END IF;
    IF found_recusal.state <> 'in_force' THEN
        RETURN 'wrong_state';
    END IF;
    SELECT d.decided_by INTO proposed_by FROM recusal_decisions AS d
    WHERE d.recusal_id = recusal AND d.outcome = 'lift_proposed'
        -- A proposal by who is recused from it meanwhile is none.
        AND NOT EXISTS (SELECT FROM walls AS w WHERE w.person_id = d.decided_by AND w.subject = ANY (
            found_recusal.reaches || array_remove(ARRAY['region:' || found_recusal.region_code,
                'organisation:' || found_recusal.organisation_id, 'project:' || found_recusal.project_id,
                'case:' || found_recusal.case_id], NULL)))
    ORDER BY d.number DESC LIMIT 1;
    IF proposed_by = gate.principal() THEN
        RETURN 'same_person';
    END IF;
    PERFORM gate.require_exclusive(found_recusal.person_id);
    INSERT INTO recusal_decisions (id, recusal_id, number, person_id, region_code, organisation_id, project_id, case_id,
                                   outcome, reason, legal_basis, decided_by, decided_at)
    VALUES (decision, recusal, found_recusal.version, found_recusal.person_id, found_recusal.region_code, found_recusal.organisation_id,
            found_recusal.project_id, found_recusal.case_id,
            CASE WHEN proposed_by IS NULL THEN 'lift_proposed' ELSE 'lifted' END, words, basis, gate.principal(), at);
    UPDATE recusals SET state = CASE WHEN proposed_by IS NULL THEN state ELSE 'lifted' END,
        version = version + 1, updated_at = at WHERE id = recusal;
    IF proposed_by IS NULL THEN
        RETURN 'proposed';
    END IF;
    PERFORM gate.protect(found_recusal.person_id, at);
    RETURN 'lifted';
END
"""

# Why a person may not review this subject: rule ids, none for an eligible one. Looks back three years.
# Who is seated already is not unseated by what the region can state by itself (its investors, who prepared its plan),
# nor by the pool's own housekeeping: or one side could choose the judges. A decision is opened instead.
INELIGIBILITY = """
DECLARE
    rules text[] := '{}';
    since date := on_day - interval '3 years';
BEGIN
    IF (NOT seated AND NOT EXISTS (SELECT FROM experts AS x WHERE x.person_id = person AND x.active
                                   AND (x.term_ends_on IS NULL OR x.term_ends_on >= on_day)))
        OR NOT EXISTS (SELECT FROM grants AS g WHERE g.person_id = person AND g.role = 'expert' AND g.state = 'active')
        OR EXISTS (SELECT FROM principals AS p WHERE p.id = person AND p.disabled_at IS NOT NULL) THEN
        rules := rules || 'not_in_pool'::text;
    END IF;
    IF EXISTS (SELECT FROM walls AS w WHERE w.person_id = person
               AND w.subject = ANY (array_remove(ARRAY['region:' || region, 'case:' || kase], NULL))) THEN
        rules := rules || 'recused'::text;
    END IF;
    IF NOT EXISTS (SELECT FROM employments AS e WHERE e.person_id = person
                   AND (e.ends_on IS NULL OR e.ends_on >= on_day)) THEN
        rules := rules || 'unknown_employer'::text;
    END IF;
    IF EXISTS (SELECT FROM employments AS e JOIN organisations AS o ON o.id = e.organisation_id
               WHERE e.person_id = person AND (o.region_code = region OR e.posted_region = region)
               AND (e.ends_on IS NULL OR e.ends_on >= since)) THEN
        rules := rules || 'employed_there'::text;
    END IF;
    IF EXISTS (SELECT FROM grants AS g LEFT JOIN projects AS p
                   ON p.organisation_id = g.organisation_id AND p.membership = 'in_library'
               WHERE g.person_id = person AND (g.state = 'active' OR g.ended_at >= since)
               AND ((g.role IN ('region_editor', 'region_approver') AND g.region_code = region)
                    OR (g.role = 'construction_entity' AND p.region_code = region))) THEN
        rules := rules || 'staff_there'::text;
    END IF;
    IF NOT seated AND EXISTS (
               SELECT FROM employments AS e JOIN projects AS p ON p.organisation_id = e.organisation_id
               WHERE e.person_id = person AND p.region_code = region AND p.membership = 'in_library'
               AND (e.ends_on IS NULL OR e.ends_on >= since)) THEN
        rules := rules || 'own_project'::text;
    END IF;
    -- Of plans that the office has filed: what a region writes in a draft is nobody's fact.
    IF (NOT seated AND EXISTS (
               SELECT FROM plan_filings AS f
               JOIN plan_versions AS v ON v.plan_id = f.plan_id AND v.number = f.version_number
               CROSS JOIN jsonb_array_elements(v.content -> 'preparers') AS q
               WHERE f.region_code = region AND f.outcome = 'filed' AND (q ->> 'person_id' = person::text OR EXISTS (
                   SELECT FROM employments AS e
                   WHERE e.person_id = person AND e.organisation_id::text = q ->> 'organisation_id'))))
        OR EXISTS (SELECT FROM evaluation_versions AS v WHERE v.region_code = region
                   AND person IN (v.submitted_by, v.signed_by))
        OR EXISTS (SELECT FROM cases AS c WHERE c.id = kase
                   AND person = ANY (c.edited_by || ARRAY[c.prepared_by, c.recommended_by])) THEN
        rules := rules || 'prepared_it'::text;
    END IF;
    RETURN rules;
END
"""

# By name, as a reasoned exception. An acknowledgement only: why somebody is not eligible may be a recusal.
ASSIGN = """
DECLARE seat panels%ROWTYPE;
BEGIN
    SELECT * INTO seat FROM panels WHERE id = panel FOR UPDATE;
    IF seat.id IS NULL OR NOT gate.has_role('{league_office}')
        OR NOT gate.clear_of(seat.region_code, NULL, NULL, seat.case_id, '{}') THEN
        RETURN 'hidden';
    END IF;
    PERFORM gate.require_exclusive(person);
    IF (SELECT count(*) FROM assignments AS a WHERE a.panel_id = panel AND NOT a.is_reserve
        AND a.state IN ('invited', 'accepted', 'declared', 'done')) >= seat.seats THEN
        RETURN 'full';
    END IF;
    IF cardinality(gate.ineligibility(person, seat.region_code, seat.case_id, on_day, false)) > 0
        OR EXISTS (SELECT FROM assignments AS a WHERE a.panel_id = panel AND a.person_id = person) THEN
        RETURN 'ineligible';
    END IF;
    INSERT INTO assignments (id, panel_id, subject_kind, subject_id, region_code, case_id, person_id, position,
                             is_reserve, method, reason, state, version, created_at, updated_at)
    SELECT assignment, seat.id, seat.subject_kind, seat.subject_id, seat.region_code, seat.case_id, person,
           coalesce(max(a.position), 0) + 1, false, 'named', words, 'invited', 1, at, at
    FROM assignments AS a WHERE a.panel_id = panel;
    RETURN 'assigned';
END
"""

# Discretionary acts check again under the lock; whoever asks learns no rule.
MAY_REVIEW = """
DECLARE seat assignments%ROWTYPE;
BEGIN
    SELECT * INTO seat FROM assignments WHERE id = assignment AND person_id = gate.principal();
    RETURN seat.id IS NOT NULL
        AND cardinality(gate.ineligibility(seat.person_id, seat.region_code, seat.case_id, on_day, true)) = 0;
END
"""

# The office keeps the pool, and reads no grants.
IS_EXPERT = """
BEGIN
    RETURN gate.has_role('{league_office}') AND EXISTS (
        SELECT FROM grants AS g WHERE g.person_id = person AND g.role = 'expert' AND g.state = 'active');
END
"""

# Nothing of a subject is graded or published while an application on it waits for its decision; nor while one
# person alone has barred another from it, or an officer could rid a panel of whom they like.
PENDING_ON = """
BEGIN
    RETURN EXISTS (
        SELECT FROM recusals AS r
        WHERE ((r.state = 'pending'
                -- Who is walled may inform, and holds nothing up by it.
                AND NOT EXISTS (SELECT FROM walls AS w WHERE w.person_id = r.initiated_by AND w.subject = ANY (
                    ARRAY['region:' || region, 'case:' || kase])))
               OR (r.state = 'provisional' AND r.initiator <> 'self'))
          AND (r.region_code = region OR r.case_id = kase
               OR ARRAY['region:' || region, 'case:' || kase]
                  && (r.reaches || gate.reach(r.organisation_id, r.project_id))));
END
"""

ON_STANDING = """
DECLARE person uuid := coalesce(NEW.person_id, OLD.person_id);
BEGIN
    PERFORM gate.require_exclusive(person);
    -- Tokens end only where the scopes change: nobody learns from a 401 that an invitation is on its way.
    IF TG_TABLE_NAME = 'assignments' THEN
        IF coalesce(OLD.state IN ('accepted', 'declared', 'done'), false)
            = coalesce(NEW.state IN ('accepted', 'declared', 'done'), false) THEN
            RETURN NULL;
        END IF;
    ELSIF TG_TABLE_NAME = 'declarations' THEN
        IF coalesce(NEW.assignment_id, OLD.assignment_id) IS NOT NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    UPDATE principals SET rev = rev + 1 WHERE id = person;
    RETURN NULL;
END
"""

# Whom the region now employs, or who became its staff, is barred from what they sit on or decided there, in the same
# transaction (Art. 11): it is the administrators' act, not the region's. An officer posted there is barred anyway.
ON_RELATION = """
DECLARE
    place text;
    recusal uuid;
    at timestamptz := now();
BEGIN
    FOR place IN
        SELECT DISTINCT r.code FROM regions AS r
        WHERE r.assessed AND (
            EXISTS (SELECT FROM employments AS e JOIN organisations AS o ON o.id = e.organisation_id
                    WHERE e.person_id = NEW.person_id AND r.code IN (o.region_code, e.posted_region)
                    AND (e.ends_on IS NULL OR e.ends_on >= at - interval '3 years')
                    AND (EXISTS (SELECT FROM grants AS g WHERE g.person_id = NEW.person_id AND g.state = 'active'
                                 AND g.role IN ('league_office', 'league_committee', 'discipline_inspector'))
                         OR gate.judges(NEW.person_id, r.code)))
            OR (gate.judges(NEW.person_id, r.code)
                AND EXISTS (SELECT FROM grants AS g LEFT JOIN projects AS p
                                ON p.organisation_id = g.organisation_id AND p.membership = 'in_library'
                            WHERE g.person_id = NEW.person_id AND g.state = 'active'
                            AND ((g.role IN ('region_editor', 'region_approver') AND g.region_code = r.code)
                                 OR (g.role = 'construction_entity' AND p.region_code = r.code)))))
        AND NOT EXISTS (SELECT FROM recusals AS known WHERE known.person_id = NEW.person_id
                        AND known.region_code = r.code AND known.state IN ('provisional', 'in_force'))
        ORDER BY 1
    LOOP
        recusal := gen_random_uuid();
        INSERT INTO recusals (id, person_id, region_code, reaches, initiator, relation_code, statement, state,
                              declared_at, version, created_at, updated_at)
        VALUES (recusal, NEW.person_id, place, '{}', 'detected', 'employed_there',
                '任职或授权变更 / A change of employment or of grants', 'provisional', at, 1, at, at);
        INSERT INTO audit_entries (id, occurred_at, request_id, actor_kind, action, outcome, resource_kind,
                                   resource_id, region_code, changes)
        VALUES (gen_random_uuid(), at, '', 'system', 'recusals.detect', 'done', 'recusal', recusal, place, '{}');
        INSERT INTO outbox_events (id, occurred_at, type, resource_kind, resource_id, region_code)
        VALUES (gen_random_uuid(), at, 'recusals.detect', 'recusal', recusal, place);
        PERFORM gate.protect(NEW.person_id, at);
    END LOOP;
    RETURN NULL;
END
"""

JUDGES = """
BEGIN
    RETURN EXISTS (SELECT FROM assignments AS a WHERE a.person_id = person AND a.region_code = region
                   AND a.state IN ('invited', 'accepted', 'declared', 'done'))
        OR EXISTS (SELECT FROM appraisal_files AS f WHERE f.region_code = region
                   AND person IN (f.appraised_by, f.approved_by));
END
"""

# The office admits a project: who is recused from it, or from its investor, is barred from the region whose library
# now holds it, before the admission is acknowledged. What is returned is for the audit.
EXTEND_REACH = """
DECLARE
    held projects%ROWTYPE;
    person uuid;
    wall text;
    extended uuid[] := '{}';
    grown uuid[];
BEGIN
    SELECT * INTO held FROM projects WHERE id = project;
    IF held.membership IS DISTINCT FROM 'in_library' OR NOT gate.has_role('{league_office}')
        OR NOT gate.clear_of(held.region_code, held.organisation_id, held.id, NULL, '{}') THEN
        RETURN extended;
    END IF;
    wall := 'region:' || held.region_code;
    FOR person IN
        SELECT r.person_id FROM recusals AS r
        WHERE (r.project_id = held.id OR r.organisation_id = held.organisation_id)
            AND r.state IN ('provisional', 'in_force') AND NOT r.reaches @> ARRAY[wall]
        GROUP BY r.person_id ORDER BY gate.lock_key(r.person_id)
    LOOP
        PERFORM gate.take_locks(ARRAY[person], '{}');
        WITH reached AS (
            UPDATE recusals AS r
            SET reaches = ARRAY(SELECT DISTINCT unnest(r.reaches || wall) ORDER BY 1), version = version + 1,
                updated_at = at
            WHERE r.person_id = person AND (r.project_id = held.id OR r.organisation_id = held.organisation_id)
                AND r.state IN ('provisional', 'in_force') AND NOT r.reaches @> ARRAY[wall]
            RETURNING r.id
        )
        SELECT coalesce(array_agg(id), '{}') INTO grown FROM reached;
        extended := extended || grown;
        PERFORM gate.protect(person, at);
    END LOOP;
    RETURN extended;
END
"""

# What the judging scopes need beyond a role: years of commitment and declaration, kinds of live assignments.
STANDING = """
BEGIN
    IF gate.kind() IS DISTINCT FROM 'person'
        OR NOT gate.has_role('{expert,league_office,league_committee,discipline_inspector}') THEN
        RETURN '{}'::jsonb;
    END IF;
    RETURN jsonb_build_object(
        'committed', (SELECT coalesce(jsonb_agg(c.year), '[]') FROM commitments AS c WHERE c.person_id = gate.principal()),
        'declared', (SELECT coalesce(jsonb_agg(d.year), '[]') FROM declarations AS d
                     WHERE d.person_id = gate.principal() AND d.assignment_id IS NULL),
        'seated', (SELECT coalesce(jsonb_agg(DISTINCT a.subject_kind), '[]') FROM assignments AS a
                   WHERE a.person_id = gate.principal() AND a.state IN ('accepted', 'declared', 'done')));
END
"""

_SUBJECT = "region text, organisation uuid, project uuid, kase uuid"
FUNCTIONS: list[tuple[str, str, tuple[str, ...]]] = [
    (f"clear_of({_SUBJECT}, reached text[]) RETURNS boolean", CLEAR_OF, (APP,)),
    (f"may_decide(person uuid, {_SUBJECT}, reached text[]) RETURNS boolean", MAY_DECIDE, ()),
    (f"is_subject({_SUBJECT}) RETURNS boolean", IS_SUBJECT, ()),
    ("reach(organisation uuid, project uuid) RETURNS text[]", REACH, ()),
    ("protect(target uuid, at timestamptz) RETURNS void", PROTECT, ()),
    (
        f"recuse(recusal uuid, person uuid, how text, {_SUBJECT}, relation text, words text, at timestamptz) RETURNS text",
        RECUSE,
        (APP,),
    ),
    (
        "decide_recusal(decision uuid, recusal uuid, result text, words text, basis text, at timestamptz) RETURNS text",
        DECIDE,
        (APP,),
    ),
    (
        "lift_recusal(decision uuid, recusal uuid, words text, basis text, at timestamptz) RETURNS text",
        LIFT,
        (APP,),
    ),
    (
        "ineligibility(person uuid, region text, kase uuid, on_day date, seated boolean) RETURNS text[]",
        INELIGIBILITY,
        (),
    ),
    (
        "assign(assignment uuid, panel uuid, person uuid, words text, at timestamptz, on_day date) RETURNS text",
        ASSIGN,
        (APP,),
    ),
    ("may_review(assignment uuid, on_day date) RETURNS boolean", MAY_REVIEW, (APP,)),
    ("is_expert(person uuid) RETURNS boolean", IS_EXPERT, (APP,)),
    ("pending_on(region text, kase uuid) RETURNS boolean", PENDING_ON, (APP,)),
    ("judges(person uuid, region text) RETURNS boolean", JUDGES, ()),
    ("on_standing() RETURNS trigger", ON_STANDING, ()),
    ("on_relation() RETURNS trigger", ON_RELATION, ()),
    ("extend_reach(project uuid, at timestamptz) RETURNS uuid[]", EXTEND_REACH, (APP,)),
    ("standing() RETURNS jsonb", STANDING, (APP,)),
]

# The policy of 0010 knows the recusal's own subject; nobody handles one that speaks of what they are walled from.
CLEAR = "gate.clear_of(region_code, organisation_id, project_id, case_id, reaches)"

TRIGGERS = (
    ("commitments", "INSERT OR DELETE"),
    ("declarations", "INSERT OR DELETE"),
    ("assignments", "INSERT OR UPDATE OR DELETE"),
)


def upgrade() -> None:
    for signature, body, callers in FUNCTIONS:
        for statement in engine_function(signature, body, callers=callers):
            op.execute(statement)
    # Read by a policy: as the statement sees the walls, and no other way.
    op.execute("ALTER FUNCTION gate.clear_of(text, uuid, uuid, uuid, text[]) STABLE")
    op.execute(f"CREATE POLICY wall_reach ON recusals AS RESTRICTIVE FOR SELECT TO {APP} USING ({CLEAR})")
    for table in ("employments", "grants"):
        op.execute(
            f"CREATE TRIGGER on_relation AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION gate.on_relation()"
        )
    for table, events in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER on_standing AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION gate.on_standing()"
        )


def downgrade() -> None:
    op.execute("DROP POLICY wall_reach ON recusals")
    for table in ("employments", "grants"):
        op.execute(f"DROP TRIGGER on_relation ON {table}")
    for table, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER on_standing ON {table}")
    for signature, _, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION gate.{signature.split('(')[0]}")
