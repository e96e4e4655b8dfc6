"""Each act against a recusal, across two server processes and the worker: whoever wins, nothing live rests on a walled
person, and nobody waits for ever.

RACE_ROUNDS sets how many rounds must really have overlapped, over all acts together (`make wall`: 2,000).
"""

import asyncio
import os
from math import ceil

import httpx
import pytest

from tests.races import judging, reviewing
from tests.races.duel import Duel, Field, fight

DUELS = (*reviewing.DUELS, *judging.DUELS)


def _each(rounds: int) -> int:
    return ceil(int(os.environ.get("RACE_ROUNDS", rounds)) / len(DUELS))


# What must find nothing, once the worker has done what was asked of it. Who came first is read from the rows: an act
# holds the lock of its person before it has a transaction id, so their ids are in the order of their locks.
NOTHING = {
    "a live sheet or seat of somebody walled": """
        SELECT a.id FROM assignments AS a
        JOIN walls AS w ON w.person_id = a.person_id AND w.subject = 'region:' || a.region_code
        LEFT JOIN score_sheets AS s ON s.assignment_id = a.id
        WHERE s.state IN ('draft', 'submitted') OR a.state IN ('invited', 'accepted', 'declared', 'done')""",
    "a live recusal without its wall": """
        SELECT r.id FROM recusals AS r WHERE r.state IN ('provisional', 'in_force') AND NOT EXISTS (
            SELECT FROM walls AS w WHERE w.person_id = r.person_id AND w.subject = 'region:' || r.region_code)""",
    "a wall without a live recusal": """
        SELECT w.person_id FROM walls AS w WHERE NOT EXISTS (
            SELECT FROM recusals AS r WHERE r.person_id = w.person_id AND r.state IN ('provisional', 'in_force'))""",
    "a decision by somebody who was walled before": """
        SELECT d.id FROM recusal_decisions AS d
        JOIN walls AS w ON w.person_id = d.decided_by AND w.subject = 'region:' || d.region_code
        WHERE w.xmin::text::bigint < d.xmin::text::bigint""",
    "a lifting that rests on the word of somebody who was walled before": """
        SELECT l.id FROM recusal_decisions AS l
        JOIN recusal_decisions AS p ON p.recusal_id = l.recusal_id AND p.outcome = 'lift_proposed'
        JOIN walls AS w ON w.person_id = p.decided_by AND w.subject = 'region:' || p.region_code
        WHERE l.outcome = 'lifted' AND w.xmin::text::bigint < l.xmin::text::bigint""",
    "a result that counts other sheets than those that count": """
        SELECT f.id FROM appraisal_files AS f
        JOIN result_versions AS v ON v.file_id = f.id AND v.number = f.latest_result
        WHERE f.state IN ('graded', 'approved') AND jsonb_array_length(v.explanation -> 'sheets') <> (
            SELECT count(*) FROM panels AS p JOIN assignments AS a ON a.panel_id = p.id
            JOIN score_sheets AS s ON s.assignment_id = a.id
            WHERE p.subject_id = f.evaluation_id AND a.state = 'done' AND s.state = 'submitted')""",
    "an appraisal or an approval of somebody walled": """
        SELECT f.id FROM appraisal_files AS f
        JOIN walls AS w ON w.person_id IN (f.appraised_by, f.approved_by) AND w.subject = 'region:' || f.region_code
        WHERE f.state <> 'published'""",
    "a file that was touched and not repaired": "SELECT id FROM appraisal_files WHERE stale",
    "a publication that rests on somebody walled and is not under correction": """
        SELECT f.id FROM appraisal_files AS f JOIN panels AS p ON p.subject_id = f.evaluation_id
        JOIN assignments AS a ON a.panel_id = p.id
        JOIN walls AS w ON w.person_id IN (a.person_id, f.appraised_by, f.approved_by)
        WHERE f.state = 'published' AND NOT f.under_correction""",
    "a publication without its files, or the other way round": """
        SELECT c.id FROM evaluation_cycles AS c JOIN appraisal_files AS f ON f.cycle_id = c.id
        WHERE (f.state = 'published') <> EXISTS (SELECT FROM publications AS p WHERE p.year = c.assessment_year)""",
    "a job that failed": "SELECT id FROM jobs WHERE state = 'failed'",
    "a deadlock": "SELECT datname FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0",
}


@pytest.mark.parametrize("duel", DUELS, ids=lambda duel: duel.name)
@pytest.mark.parametrize("rounds", [104, pytest.param(2000, marks=pytest.mark.wall)], ids=["some", "many"])
async def test_against_recusal(duel: Duel, rounds: int, ground_of: Field, servers: list[httpx.AsyncClient]) -> None:
    tally = await fight(duel, ground_of, servers, _each(rounds))
    await _at_rest(ground_of)
    for what, statement in NOTHING.items():
        assert await ground_of.world.rows(statement) == [], (what, tally)
    assert len(await ground_of.world.rows("SELECT DISTINCT person_id FROM walls")) >= tally.played / 3
    if duel.name == "publish":
        published = len(await ground_of.world.rows("SELECT 1 FROM publications"))
        assert 0 < published < tally.played
    for token, path in ground_of.tokens:
        answered = await servers[0].get(path, headers={"Authorization": f"Bearer {token}"})
        assert answered.status_code in {401, 404}, tally


async def _at_rest(ground: Field) -> None:
    """Until the worker has nothing left to do."""
    for _ in range(1200):
        left = await ground.world.rows("SELECT 1 FROM jobs WHERE state IN ('queued', 'claimed') LIMIT 1")
        if not left and not await ground.world.rows("SELECT 1 FROM outbox_events WHERE delivered_at IS NULL LIMIT 1"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the worker does not come to rest")
