"""Recusals as records (Art. 11): what each effect came from, by when to decide, on what ground, and who decides where
nobody in the league may.

Revision: 0017
Follows: 0016
"""

import runpy
from pathlib import Path

import sqlalchemy as sa
from alembic import op

from app.models.ddl import APP, ENGINE, WORKER, engine_function, engine_function_again, not_walled, protect, walls_on

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ME = "(SELECT gate.principal())"

# An id that a replay finds again; nothing is entitled by knowing it.
DERIVED = """
DECLARE digest text := md5(what);
BEGIN
    RETURN overlay(overlay(digest placing '4' from 13) placing 'a' from 17)::uuid;
END
"""

# What a recusal did to what the person sits on, signed or decided: the auditor's timeline. Metadata and hashes only.
NOTE_EFFECT = """
BEGIN
    INSERT INTO audit_entries (id, occurred_at, request_id, actor_kind, action, outcome, resource_kind, resource_id,
                               region_code, case_id, changes)
    VALUES (gate.derived(concat_ws('/', cause, at, kind, resource, changes)), at, '', 'system', kind || 's.follow_recusal', 'done',
            kind, resource, region, kase, changes || jsonb_build_object('recusal_id', cause));
END
"""

# Everything of a person that a recusal touches, brought in line with the person's recusals as they stand now.
# `rev` rises only where a wall or an assignment moves: a rejected application must not be felt.
PROTECT = """
DECLARE
    barred text[];
    void text[];
    given_up text[];
    touched uuid[];
    moved integer;
    noted record;
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

    touched := '{}';
    FOR noted IN
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
        FROM (SELECT id, state AS before, array_remove(ARRAY['region:' || region_code, 'case:' || case_id], NULL)
                     AS subjects
              FROM assignments WHERE person_id = target) AS keys
        WHERE keys.id = a.id AND (
            (keys.subjects && void AND a.state NOT IN ('voided', 'declined'))
            OR (keys.subjects && barred AND NOT keys.subjects && void
                AND a.state IN ('invited', 'accepted', 'declared', 'done'))
            OR (a.state = 'suspended' AND NOT keys.subjects && barred))
        RETURNING a.id, a.panel_id, a.region_code, a.case_id, keys.before, a.state AS after
    LOOP
        touched := touched || noted.panel_id;
        PERFORM gate.note_effect(cause, at, 'assignment', noted.id, noted.region_code, noted.case_id,
                                 jsonb_build_object('state', jsonb_build_array(noted.before, noted.after)));
    END LOOP;
    FOR noted IN
        UPDATE score_sheets AS s
        SET state = CASE WHEN a.state = 'voided' THEN 'voided' WHEN a.state = 'suspended' THEN 'sealed'
                         WHEN s.submitted_at IS NULL THEN 'draft' ELSE 'submitted' END,
            version = s.version + 1, updated_at = at
        FROM assignments AS a
        WHERE a.id = s.assignment_id AND a.person_id = target AND (
            (a.state = 'voided' AND s.state <> 'voided')
            OR (a.state = 'suspended' AND s.state IN ('draft', 'submitted'))
            OR (a.state NOT IN ('voided', 'suspended') AND s.state = 'sealed'))
        RETURNING s.id, s.region_code, s.case_id, s.signature, s.state AS after
    LOOP
        PERFORM gate.note_effect(cause, at, 'score_sheet', noted.id, noted.region_code, noted.case_id,
                                 jsonb_build_object('state', noted.after, 'signature', noted.signature));
    END LOOP;
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
        RETURNING f.id, f.evaluation_id, f.region_code, f.state
    ), noted_down AS (
        SELECT gate.note_effect(cause, at, 'appraisal_file', r.id, r.region_code, NULL,
                                jsonb_build_object('state', r.state)) FROM reopened AS r
    )
    INSERT INTO jobs (id, kind, key, payload, region_code, state, attempts, run_at, asked_at)
    SELECT gen_random_uuid(), 'evaluations.settle', 'evaluations.settle:' || gen_random_uuid(),
           jsonb_build_object('subject_id', r.evaluation_id), r.region_code, 'queued', 0, at, at
    FROM reopened AS r WHERE (SELECT count(*) FROM noted_down) >= 0;
    WITH corrected AS (
        UPDATE appraisal_files AS f
        SET stale = true, under_correction = true, version = f.version + 1, updated_at = at
        WHERE ('region:' || f.region_code) = ANY (given_up) AND f.state = 'published' AND NOT f.under_correction
          AND (f.appraised_by = target OR f.approved_by = target)
        RETURNING f.id, f.evaluation_id, f.region_code
    ), noted_down AS (
        SELECT gate.note_effect(cause, at, 'appraisal_file', r.id, r.region_code, NULL,
                                jsonb_build_object('under_correction', true)) FROM corrected AS r
    )
    INSERT INTO jobs (id, kind, key, payload, region_code, state, attempts, run_at, asked_at)
    SELECT gen_random_uuid(), 'evaluations.settle', 'evaluations.settle:' || gen_random_uuid(),
           jsonb_build_object('subject_id', r.evaluation_id), r.region_code, 'queued', 0, at, at
    FROM corrected AS r WHERE (SELECT count(*) FROM noted_down) >= 0;
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

    INSERT INTO recusal_notices (recusal_id, person_id, subject_kind, subject_key, state, since, reason, legal_basis,
                                 legal_basis_version, updated_at)
    SELECT r.id, target,
           CASE WHEN r.region_code IS NOT NULL THEN 'region' WHEN r.organisation_id IS NOT NULL THEN 'organisation'
                WHEN r.project_id IS NOT NULL THEN 'project' ELSE 'case' END,
           coalesce(r.region_code, r.organisation_id::text, r.project_id::text, r.case_id::text),
           -- Since when the person is barred: not since when somebody applied for it.
           r.state, at,
           (SELECT d.reason FROM recusal_decisions AS d WHERE d.recusal_id = r.id AND d.outcome = r.state
            ORDER BY d.number DESC LIMIT 1),
           (SELECT d.legal_basis FROM recusal_decisions AS d WHERE d.recusal_id = r.id AND d.outcome = r.state
            ORDER BY d.number DESC LIMIT 1),
           (SELECT d.legal_basis_version FROM recusal_decisions AS d WHERE d.recusal_id = r.id AND d.outcome = r.state
            ORDER BY d.number DESC LIMIT 1), at
    FROM recusals AS r WHERE r.person_id = target AND r.state <> 'pending'
        -- A rejected application never became known to the person, and does not become so now.
        AND (r.state <> 'rejected' OR EXISTS (SELECT FROM recusal_notices AS n WHERE n.recusal_id = r.id))
    ON CONFLICT (recusal_id) DO UPDATE
    SET state = excluded.state, reason = excluded.reason, legal_basis = excluded.legal_basis,
        legal_basis_version = excluded.legal_basis_version, updated_at = at
    WHERE recusal_notices.state <> excluded.state;
END
"""

RECUSE = """
DECLARE begun text := CASE WHEN how IN ('self', 'detected') THEN 'provisional'
    -- One officer alone bars no auditor, and none of those who would have to record a decision: it waits for another's.
    WHEN how = 'ex_officio' AND NOT EXISTS (SELECT FROM grants AS g WHERE g.person_id = person AND g.state = 'active'
                                            AND g.role IN ('auditor', 'security_admin')) THEN 'provisional'
    ELSE 'pending' END;
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
    ELSIF how <> 'ex_officio' AND EXISTS (
        SELECT FROM recusals AS r WHERE r.person_id = person AND r.initiated_by = gate.principal()
                  AND r.state = 'pending' AND (r.region_code, r.organisation_id, r.project_id, r.case_id)
                      IS NOT DISTINCT FROM (region, organisation, project, kase)) THEN
        -- Said before, and not decided yet: once is enough, and nothing tells that it was.
        RETURN 'taken';
    END IF;
    IF begun = 'pending' THEN
        -- Not while something is being graded or published: that has looked for applications already.
        PERFORM pg_advisory_xact_lock_shared(7204812);
    END IF;
    INSERT INTO recusals (id, person_id, region_code, organisation_id, project_id, case_id, reaches, initiator,
                          initiated_by, relation_code, statement, state, declared_at, version, created_at, updated_at)
    VALUES (recusal, person, region, organisation, project, kase, gate.reach(organisation, project), how,
            gate.principal(), relation, words, begun, at, 1, at, at);
    -- Nor does one officer bar the last who could decide on it: somebody stays who did not order it.
    IF how = 'ex_officio' AND NOT EXISTS (SELECT FROM gate.deciders(recusal)) AND EXISTS (
        SELECT FROM grants AS g WHERE g.person_id = person AND g.state = 'active'
        AND g.role IN ('league_office', 'league_committee', 'discipline_inspector')) THEN
        DELETE FROM recusals AS r WHERE r.id = recusal;
        RETURN 'no_decider_left';
    END IF;
    IF begun = 'provisional' THEN
        PERFORM gate.protect(person, at, recusal);
    END IF;
    RETURN 'taken';
END
""".replace("{ENGINE}", ENGINE)

# `hidden` is answered like absence; `wrong_state`, `same_person` and `unknown_basis` are said.
DECIDE = """
DECLARE
    found_recusal recusals%ROWTYPE;
    held_version integer := (SELECT max(b.version) FROM legal_bases AS b WHERE b.code = basis);
BEGIN
    SELECT * INTO found_recusal FROM recusals WHERE id = recusal FOR UPDATE;
    IF found_recusal.id IS NULL OR NOT gate.may_decide(found_recusal.person_id, found_recusal.region_code,
            found_recusal.organisation_id, found_recusal.project_id, found_recusal.case_id, found_recusal.reaches) THEN
        RETURN 'hidden';
    END IF;
    IF found_recusal.state NOT IN ('pending', 'provisional') OR result NOT IN ('in_force', 'rejected') THEN
        RETURN 'wrong_state';
    END IF;
    -- Nor by whose act it came about, where a check found it: or one officer could bring it about and decide it.
    IF gate.principal() IN (found_recusal.initiated_by, found_recusal.attributed_to) THEN
        RETURN 'same_person';
    END IF;
    IF basis IS NOT NULL AND held_version IS NULL THEN
        RETURN 'unknown_basis';
    END IF;
    PERFORM gate.require_exclusive(found_recusal.person_id);
    INSERT INTO recusal_decisions (id, recusal_id, number, person_id, region_code, organisation_id, project_id, case_id,
                                   outcome, reason, legal_basis, legal_basis_version, decided_by, decided_at)
    VALUES (decision, recusal, found_recusal.version, found_recusal.person_id, found_recusal.region_code, found_recusal.organisation_id,
            found_recusal.project_id, found_recusal.case_id, result, words, basis, held_version, gate.principal(), at);
    UPDATE recusals
    SET state = result, version = version + 1, updated_at = at,
        reaches = ARRAY(SELECT DISTINCT unnest(reaches || gate.reach(organisation_id, project_id)) ORDER BY 1)
    WHERE id = recusal;
    PERFORM gate.protect(found_recusal.person_id, at, recusal);
    RETURN 'decided';
END
"""

# 解除回避: two deciders, neither of them the person, neither walled. The first proposes, the second lifts.
LIFT = """
DECLARE
    found_recusal recusals%ROWTYPE;
    proposed_by uuid;
    held_version integer := (SELECT max(b.version) FROM legal_bases AS b WHERE b.code = basis);
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
    IF basis IS NOT NULL AND held_version IS NULL THEN
        RETURN 'unknown_basis';
    END IF;
    PERFORM gate.require_exclusive(found_recusal.person_id);
    INSERT INTO recusal_decisions (id, recusal_id, number, person_id, region_code, organisation_id, project_id, case_id,
                                   outcome, reason, legal_basis, legal_basis_version, decided_by, decided_at)
    VALUES (decision, recusal, found_recusal.version, found_recusal.person_id, found_recusal.region_code, found_recusal.organisation_id,
            found_recusal.project_id, found_recusal.case_id,
            CASE WHEN proposed_by IS NULL THEN 'lift_proposed' ELSE 'lifted' END, words, basis, held_version, gate.principal(), at);
    UPDATE recusals SET state = CASE WHEN proposed_by IS NULL THEN state ELSE 'lifted' END,
        version = version + 1, updated_at = at WHERE id = recusal;
    IF proposed_by IS NULL THEN
        RETURN 'proposed';
    END IF;
    PERFORM gate.protect(found_recusal.person_id, at, recusal);
    RETURN 'lifted';
END
"""

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
        PERFORM gate.protect(person, at, grown[1]);
    END LOOP;
    RETURN extended;
END
"""

# The first working day that is so many after this one (节假日 and 调休 as the calendar has them).
WORKING_DAY = """
BEGIN
    RETURN (SELECT d.day FROM (
        SELECT moment::date AS day
        FROM generate_series(from_day + 1, from_day + 30 + count * 3, interval '1 day') AS moment
        LEFT JOIN calendar_days AS c ON c.day = moment::date
        WHERE coalesce(c.kind = 'workday', extract(isodow FROM moment) < 6)
        ORDER BY 1 OFFSET count - 1 LIMIT 1
    ) AS d);
END
"""

ON_RECUSAL = """
BEGIN
    NEW.due_on := gate.working_day((NEW.declared_at AT TIME ZONE 'Asia/Shanghai')::date,
        (SELECT t.working_days FROM time_limits AS t WHERE t.code = 'recusal_decision'));
    RETURN NEW;
END
"""

# From here to the end of the transaction no application is taken: those acknowledged before are there for the next
# statement, the others come after it.
SETTLE_APPLICATIONS = """
BEGIN
    PERFORM pg_advisory_xact_lock(7204812);
END
"""

# Recusals that speak of what the caller is walled from, or is staff of: by whatever they were declared from, what they
# reached, and what the library holds now.
HIDDEN_RECUSALS = """
BEGIN
    RETURN ARRAY(SELECT r.id FROM recusals AS r WHERE NOT gate.clear_of(
        r.region_code, r.organisation_id, r.project_id, r.case_id, r.reaches));
END
"""

# Those who may decide on it: office, committee, inspector; not the person, not who began it, not staff there, and
# walled from nothing that it speaks of.
DECIDERS = """
BEGIN
    RETURN QUERY
    SELECT DISTINCT g.person_id
    FROM recusals AS r
    JOIN grants AS g ON g.state = 'active' AND g.role IN ('league_office', 'league_committee', 'discipline_inspector')
        AND g.person_id <> r.person_id AND g.person_id IS DISTINCT FROM r.initiated_by
        AND g.person_id IS DISTINCT FROM r.attributed_to
    JOIN principals AS p ON p.id = g.person_id AND p.disabled_at IS NULL
    CROSS JOIN LATERAL (SELECT r.reaches
        || array_remove(ARRAY['region:' || r.region_code, 'organisation:' || r.organisation_id,
                              'project:' || r.project_id, 'case:' || r.case_id], NULL)
        || ARRAY(SELECT 'region:' || q.region_code FROM projects AS q WHERE q.id = r.project_id
                 OR (q.organisation_id = r.organisation_id AND q.membership IN ('in_library', 'left')))
        || ARRAY(SELECT 'region:' || c.region_code FROM cases AS c WHERE c.id = r.case_id) AS spoken_of) AS s
    WHERE r.id = recusal
        AND NOT EXISTS (SELECT FROM walls AS w WHERE w.person_id = g.person_id AND w.subject = ANY (s.spoken_of))
        AND NOT EXISTS (
            SELECT FROM grants AS own
            LEFT JOIN projects AS q ON q.organisation_id = own.organisation_id AND q.membership = 'in_library'
            WHERE own.person_id = g.person_id AND own.state = 'active'
            AND ((own.role IN ('region_editor', 'region_approver') AND 'region:' || own.region_code = ANY (s.spoken_of))
                 OR (own.role = 'construction_entity'
                     AND ('region:' || q.region_code = ANY (s.spoken_of)
                          OR 'organisation:' || own.organisation_id = ANY (s.spoken_of)))));
END
"""

# For security administrators, who record what the superior authority has written: what nobody here may decide. The
# person concerned finds nothing of the own.
UNDECIDABLE = """
BEGIN
    IF NOT gate.has_role('{security_admin}') OR gate.kind() IS DISTINCT FROM 'person' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT r.id, p.name,
           CASE WHEN r.region_code IS NOT NULL THEN 'region' WHEN r.organisation_id IS NOT NULL THEN 'organisation'
                WHEN r.project_id IS NOT NULL THEN 'project' ELSE 'case' END,
           coalesce(r.region_code, r.organisation_id::text, r.project_id::text, r.case_id::text),
           r.state, r.declared_at, r.due_on
    FROM recusals AS r JOIN people AS p ON p.id = r.person_id
    WHERE r.state IN ('pending', 'provisional') AND r.person_id <> gate.principal()
        AND r.initiated_by IS DISTINCT FROM gate.principal() AND r.attributed_to IS DISTINCT FROM gate.principal()
        AND NOT gate.entangled(r.id)
        -- Nor does who has taken deciders their grants within a year of it, or two could make room for themselves.
        AND NOT EXISTS (SELECT FROM grants AS g WHERE g.ended_by = gate.principal()
                        AND g.role IN ('league_office', 'league_committee', 'discipline_inspector')
                        AND g.ended_at > r.declared_at - interval '1 year')
        AND NOT EXISTS (SELECT FROM gate.deciders(r.id));
END
"""

# Whether the caller is staff of, or walled from, what the recusal speaks of: then another administrator records it.
ENTANGLED = """
BEGIN
    RETURN EXISTS (SELECT FROM recusals AS r WHERE r.id = recusal AND NOT gate.clear_of(
        r.region_code, r.organisation_id, r.project_id, r.case_id, r.reaches));
END
"""

WHO_IS_CONCERNED = """
BEGIN
    RETURN (SELECT r.person_id FROM recusals AS r JOIN gate.undecidable() AS u ON u.id = r.id WHERE r.id = recusal);
END
"""

# The superior authority's written decision (上级机关决定), entered by two: the first records it, the second compares it
# with the paper and confirms. Only where nobody in the league may decide.
RECORD_SUPERIOR = """
DECLARE
    found_recusal recusals%ROWTYPE;
    recorded superior_decisions%ROWTYPE;
    is_same boolean;
    held_version integer := (SELECT max(b.version) FROM legal_bases AS b WHERE b.code = basis);
BEGIN
    SELECT * INTO found_recusal FROM recusals WHERE id = recusal FOR UPDATE;
    IF found_recusal.id IS NULL OR NOT EXISTS (SELECT FROM gate.undecidable() AS u WHERE u.id = recusal) THEN
        RETURN 'hidden';
    END IF;
    IF basis IS NOT NULL AND held_version IS NULL THEN
        RETURN 'unknown_basis';
    END IF;
    SELECT * INTO recorded FROM superior_decisions AS s
    WHERE s.recusal_id = recusal AND s.confirmed_by IS NULL AND s.withdrawn_at IS NULL;
    is_same := (recorded.authority, recorded.document_number, recorded.issued_on, recorded.outcome, recorded.reason,
                recorded.legal_basis) IS NOT DISTINCT FROM (issuer, document, issued, result, words, basis);
    IF recorded.recorded_by = gate.principal() AND is_same THEN
        RETURN 'same_person';
    END IF;
    IF recorded.id IS NULL OR recorded.recorded_by = gate.principal() THEN
        -- Whoever recorded it may put it right, until another has confirmed it.
        UPDATE superior_decisions SET withdrawn_at = at WHERE id = recorded.id;
        INSERT INTO superior_decisions (id, recusal_id, region_code, organisation_id, project_id, case_id, authority,
                                        document_number, issued_on, outcome, reason, legal_basis, recorded_by,
                                        recorded_at)
        VALUES (decision, recusal, found_recusal.region_code, found_recusal.organisation_id, found_recusal.project_id,
                found_recusal.case_id, issuer, document, issued, result, words, basis, gate.principal(), at);
        RETURN 'recorded';
    END IF;
    IF NOT is_same THEN
        RETURN 'differs';
    END IF;
    PERFORM gate.require_exclusive(found_recusal.person_id);
    UPDATE superior_decisions SET confirmed_by = gate.principal(), confirmed_at = at WHERE id = recorded.id;
    INSERT INTO recusal_decisions (id, recusal_id, number, person_id, region_code, organisation_id, project_id, case_id,
                                   outcome, reason, legal_basis, legal_basis_version, decided_by, decided_at)
    VALUES (decision, recusal, found_recusal.version, found_recusal.person_id, found_recusal.region_code,
            found_recusal.organisation_id, found_recusal.project_id, found_recusal.case_id, result,
            -- The letter names whose decision it is.
            words || '（' || issuer || '，' || document || '）', basis, held_version, gate.principal(), at);
    UPDATE recusals
    SET state = result, version = version + 1, updated_at = at,
        reaches = ARRAY(SELECT DISTINCT unnest(reaches || gate.reach(organisation_id, project_id)) ORDER BY 1)
    WHERE id = recusal;
    PERFORM gate.protect(found_recusal.person_id, at, recusal);
    RETURN 'decided';
END
"""

_SUBJECT = "region text, organisation uuid, project uuid, kase uuid"
NEW_FUNCTIONS: list[tuple[str, str, tuple[str, ...]]] = [
    ("derived(what text) RETURNS uuid", DERIVED, ()),
    (
        "note_effect(cause uuid, at timestamptz, kind text, resource uuid, region text, kase uuid, changes jsonb) "
        "RETURNS void",
        NOTE_EFFECT,
        (),
    ),
    ("protect(target uuid, at timestamptz, cause uuid) RETURNS void", PROTECT, ()),
    ("working_day(from_day date, count integer) RETURNS date", WORKING_DAY, ()),
    ("on_recusal() RETURNS trigger", ON_RECUSAL, ()),
    ("settle_applications() RETURNS void", SETTLE_APPLICATIONS, (APP, WORKER)),
    ("hidden_recusals() RETURNS uuid[]", HIDDEN_RECUSALS, (APP,)),
    ("deciders(recusal uuid) RETURNS SETOF uuid", DECIDERS, ()),
    ("entangled(recusal uuid) RETURNS boolean", ENTANGLED, ()),
    (
        "undecidable() RETURNS TABLE(id uuid, person_name text, subject_kind text, subject_key text, state text, "
        "declared_at timestamptz, due_on date)",
        UNDECIDABLE,
        (APP,),
    ),
    ("who_is_concerned(recusal uuid) RETURNS uuid", WHO_IS_CONCERNED, (APP,)),
    (
        "record_superior(decision uuid, recusal uuid, issuer text, document text, issued date, result text, words text, "
        "basis text, at timestamptz) RETURNS text",
        RECORD_SUPERIOR,
        (APP,),
    ),
]
AGAIN: list[tuple[str, str]] = [
    (
        f"recuse(recusal uuid, person uuid, how text, {_SUBJECT}, relation text, words text, at timestamptz) RETURNS text",
        "RECUSE",
    ),
    (
        "decide_recusal(decision uuid, recusal uuid, result text, words text, basis text, at timestamptz) RETURNS text",
        "DECIDE",
    ),
    ("lift_recusal(decision uuid, recusal uuid, words text, basis text, at timestamptz) RETURNS text", "LIFT"),
    ("extend_reach(project uuid, at timestamptz) RETURNS uuid[]", "EXTEND_REACH"),
]

EVERYBODY = "(SELECT gate.kind()) IS NOT NULL"
SUBJECTS = " AND ".join(
    not_walled(kind, column, nullable=True)
    for kind, column in (
        ("region", "region_code"),
        ("organisation", "organisation_id"),
        ("project", "project_id"),
        ("case", "case_id"),
    )
)
POLICIES = [
    *protect("legal_bases", select=EVERYBODY),
    *protect("calendar_days", select=EVERYBODY),
    *protect("time_limits", select=EVERYBODY),
    # Written by the gate only. Read by those who record, and by those who see the recusal.
    *protect(
        "superior_decisions",
        select="EXISTS (SELECT FROM gate.undecidable() AS u WHERE u.id = recusal_id) "
        "OR EXISTS (SELECT FROM recusals AS r WHERE r.id = recusal_id)",
        walls=walls_on(("select", "insert", "update", "delete"), f"(SELECT gate.kind()) = 'person' AND {SUBJECTS}"),
    ),
]
# A recusal that was declared from an organisation or project may reach a region that the auditor is recused from.
REACHED = (
    f"actor_id = {ME} OR resource_kind IS DISTINCT FROM 'recusal' "
    "OR resource_id NOT IN (SELECT unnest(gate.hidden_recusals()))"
)


def upgrade() -> None:
    op.create_table(
        "legal_bases",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("provision_zh", sa.Text(), nullable=False),
        sa.Column("gist_zh", sa.Text(), nullable=False),
        sa.Column("applies", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("applies IN ('directly', 'by_analogy')", name=op.f("ck_legal_bases_applies_known")),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_legal_bases")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('holiday', 'workday')", name=op.f("ck_calendar_days_kind_known")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "time_limits",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("working_days >= 1", name=op.f("ck_time_limits_some_days")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_time_limits")),
    )
    op.create_table(
        "superior_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recusal_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("outcome IN ('in_force', 'rejected')", name=op.f("ck_superior_decisions_outcome_known")),
        sa.CheckConstraint("confirmed_by <> recorded_by", name=op.f("ck_superior_decisions_two_people")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["people.id"], name=op.f("fk_superior_decisions_confirmed_by")),
        sa.ForeignKeyConstraint(["recorded_by"], ["people.id"], name=op.f("fk_superior_decisions_recorded_by")),
        sa.ForeignKeyConstraint(["recusal_id"], ["recusals.id"], name=op.f("fk_superior_decisions_recusal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_superior_decisions")),
    )
    op.create_index(op.f("ix_superior_decisions_recusal_id"), "superior_decisions", ["recusal_id"])
    op.add_column("recusals", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("recusals", sa.Column("attributed_to", sa.Uuid(), nullable=True))
    op.add_column("recusal_decisions", sa.Column("legal_basis_version", sa.Integer(), nullable=True))
    op.add_column("recusal_notices", sa.Column("legal_basis", sa.Text(), nullable=True))
    op.add_column("recusal_notices", sa.Column("legal_basis_version", sa.Integer(), nullable=True))
    for signature, body, callers in NEW_FUNCTIONS:
        for statement in engine_function(signature, body, callers=callers):
            op.execute(statement)
    for name in ("hidden_recusals()", "undecidable()"):
        op.execute(f"ALTER FUNCTION gate.{name} STABLE")
    for statement in POLICIES:
        op.execute(statement)
    for signature, name in AGAIN:
        op.execute(engine_function_again(signature, globals()[name]))
    op.execute("CREATE TRIGGER on_recusal BEFORE INSERT ON recusals FOR EACH ROW EXECUTE FUNCTION gate.on_recusal()")
    op.execute(
        f"CREATE POLICY wall_select_reached ON audit_entries AS RESTRICTIVE FOR SELECT TO {APP} USING ({REACHED})"
    )


def downgrade() -> None:
    before = runpy.run_path(str(Path(__file__).with_name("0015_recusal_gate.py")))
    op.execute("DROP POLICY wall_select_reached ON audit_entries")
    op.execute("DROP TRIGGER on_recusal ON recusals")
    for signature, name in AGAIN:
        op.execute(engine_function_again(signature, before[name]))
    op.drop_column("recusal_notices", "legal_basis_version")
    op.drop_column("recusal_notices", "legal_basis")
    op.drop_column("recusal_decisions", "legal_basis_version")
    op.drop_column("recusals", "attributed_to")
    op.drop_column("recusals", "due_on")
    for table in ("superior_decisions", "time_limits", "calendar_days", "legal_bases"):
        op.drop_table(table)
    for signature, _, _ in reversed(NEW_FUNCTIONS):
        op.execute(f"DROP FUNCTION gate.{_identity(signature)}")


def _identity(signature: str) -> str:
    """`protect` stands twice while both revisions do: dropped by its arguments."""
    return signature.split(" RETURNS ", maxsplit=1)[0]
