"""What is opened with the publication: every draw can be repeated from it, nobody can be found in it; before, nothing
of it is anywhere."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.models.identity import Role
from app.reviews.seeds.verify import faults
from tests.evaluations.scene import OTHER, REGION, Year, done, make_year
from tests.reviews.ceremony import SHARES
from tests.world import World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world, pool=6)


async def published(year: Year) -> dict[str, Any]:
    """A cycle of two regions: in the first somebody declines until one more had to be drawn."""
    _, file = await year.accepted(REGION)
    panel = await year.panel(file)
    await year.world.wall(year.review.experts[0], f"region:{REGION}")
    assert (await year.office.post(f"/v1/panels/{panel}/draw")).status_code == 202
    await year.world.drain()
    for _ in range(2):
        (expert, seat), *_ = await year.seats(file)
        await year.world.renew(expert)
        await done(expert, seat, "decline", {"reason": "时间冲突（示例）"})
        await year.world.drain()
    await judged(year, file)
    await judged(year, await year.drawn(OTHER))
    await year.close()
    assert await year.publish()
    answer = await year.editor.get(f"{year.cycle}/draw-record")
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def judged(year: Year, file: str) -> None:
    for seat in await year.seats(file):
        await year.score(seat, "80")
    await year.world.drain()
    await done(year.committee, file, "appraise", {"score": "90", "reason": "完成较好（示例）"})
    await year.grade(file)
    await done(year.leader, file, "approve")


async def test_the_record_repeats_every_draw_and_names_nobody(year: Year, tmp_path: Path) -> None:
    record = await published(year)
    assert faults(record) == []
    assert {record[party]["share"] for party in SHARES} == set(SHARES.values())
    rows = await year.world.rows(
        "SELECT p.subject_id, p.region_code, d.number, d.drawn FROM draws AS d JOIN panels AS p ON p.id = d.panel_id"
    )
    stored = {(str(row.subject_id), row.number): row.drawn for row in rows}
    told = {
        (panel["subject_id"], draw["number"]): draw["drawn"] for panel in record["panels"] for draw in panel["draws"]
    }
    assert told == stored
    assert sorted(number for _, number in told) == [1, 1, 2]
    # Who sat is who the record says, in the order in which it says so: by the salt, which is not opened.
    [kept] = await year.world.rows("SELECT salt, people FROM draw_secrets")
    text = json.dumps(record, ensure_ascii=False)
    assert kept.salt not in text
    for person in (*year.review.experts, year.office, year.committee):
        assert str(person.id) not in text
    assert REGION not in text
    # Nor by a name that comes back: each panel has its own, and the frozen list others again.
    lists = [set(record["candidates"]), *({*panel["draws"][0]["candidates"]} for panel in record["panels"])]
    assert len(set().union(*lists)) == sum(len(found) for found in lists)
    # Sums over the cycle only: by panel they would tell a region that somebody is recused from it.
    assert record["excluded"] == [{"rule": "recused", "count": 2}]
    for reader in (year.office, year.review.experts[0], year.editor, await year.world.machine(REGION)):
        await year.world.renew(reader)
        assert (await reader.get(f"{year.cycle}/draw-record")).json() == record
    place = tmp_path / "record.json"
    place.write_text(text, encoding="utf-8")
    answer = CliRunner().invoke(cli, ["draw", "verify", str(place)])
    assert (answer.exit_code, "3 draws repeated" in answer.stdout) == (0, True), answer.output
    tampered = copy.deepcopy(record)
    tampered["panels"][0]["draws"][0]["drawn"].reverse()
    place.write_text(json.dumps(tampered), encoding="utf-8")
    answer = CliRunner().invoke(cli, ["draw", "verify", str(place)])
    assert (answer.exit_code, "is not what the seed gives" in answer.stdout) == (1, True), answer.output
    # Of every part of it a change is found.
    for part in (*TAMPERED, *([("panels", 0, "draws", 0, "candidates", 0)])):
        changed = copy.deepcopy(record)
        within: Any = changed
        for step in part[:-1]:
            within = within[step]
        within[part[-1]] = "0" * 64
        assert faults(changed), part
    changed = copy.deepcopy(record)
    changed["office"]["opened_at"] = "2020-01-01T00:00:00Z"
    assert faults(changed) == ["the office did not commit before, and open after, the list was frozen"]


TAMPERED = (
    ("seed",),
    ("candidates", 0),
    ("candidates_sha256",),
    ("office", "share"),
    ("committee", "commitment"),
    ("panels", 0, "subject_id"),
    ("panels", 1, "draws", 0, "candidates_sha256"),
    ("panels", 1, "draws", 0, "drawn", 0),
)


async def test_before_the_publication_nothing_of_it_is_anywhere(year: Year) -> None:
    file = await year.drawn()
    await year.world.drain()
    [kept] = await year.world.rows("SELECT * FROM draw_secrets")
    [made] = await year.world.rows("SELECT candidates, drawn FROM draws")
    [standing] = await year.world.rows("SELECT resource_id FROM outbox_events WHERE type = 'panels.draw'")
    secrets = [kept.salt, *SHARES.values(), *made.candidates]
    walled = await year.judge(Role.LEAGUE_OFFICE)
    await year.world.wall(walled, f"region:{REGION}")
    readers = [
        year.office,
        year.committee,
        walled,
        year.editor,
        year.review.experts[0],
        await year.world.person(Role.AUDITOR),
        await year.world.person(Role.DISCIPLINE_INSPECTOR),
        await year.world.person(Role.SYSTEM_ADMIN),
    ]
    places = [year.cycle, f"{year.cycle}/draw-seed", f"{year.cycle}/draw-record", f"/v1/panels/{standing.resource_id}"]
    places += ["/v1/evaluation-cycles", "/v1/assignments", "/v1/tasks", "/v1/audit-entries", "/v1/experts", file]
    for reader in readers:
        await year.world.renew(reader)
        for place in places:
            answer = await reader.get(place)
            assert not [secret for secret in secrets if secret in answer.text], (place, answer.text)
        assert (await reader.get(f"{year.cycle}/draw-record")).status_code in {403, 404}
    for table in ("audit_entries", "outbox_events", "jobs", "idempotency_records"):
        for row in await year.world.rows(f"SELECT CAST(t AS text) AS line FROM {table} AS t"):  # noqa: S608
            assert not [secret for secret in secrets if secret in row.line], table


async def test_without_a_seed_there_is_a_publication_and_no_record(year: Year) -> None:
    """Every member was named."""
    path = await year.sent()
    shown = await done(year.office, path, "accept")
    file = f"/v1/appraisal-files/{shown['appraisal_file_id']}"
    panel = await year.panel(file)
    for expert in year.review.experts[:3]:
        named = {"person_id": str(expert.id), "reason": "专业所需（示例）"}
        assert (await year.office.post(f"/v1/panels/{panel}/assign", named)).status_code == 201
    await year.world.drain()
    await judged(year, file)
    await year.close()
    assert await year.publish()
    assert (await year.office.get(f"{year.cycle}/draw-record")).status_code == 404
