"""Drafting, reading and changing projects: five answers per route, totals, history, what a draft may lack."""

from uuid import uuid4

from app.models.identity import Role
from tests.projects.library import admitted, complete, done, drafted, errors
from tests.world import World


async def test_a_draft_is_shown_as_it_was_made(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    body = await complete(world)
    made = await editor.post("/v1/projects", body)
    assert made.status_code == 201, made.text
    shown = await editor.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    project = shown.json()
    assert project["membership"] == "draft"
    assert project["building_stage"] == "reserve"
    assert project["missing_facts"] == []
    assert project["investment_entity"]["id"] == body["organisation_id"]
    assert project["location"] == body["location"]
    assert project["expected_benefits"] == {
        "jobs": 12,
        "households": None,
        "household_income_increase": "4200.00",
        "collective_income": None,
        "restored_area_mu": None,
    }
    assert [tuple(line.values()) for line in project["funding"]] == [
        ("bank_loan", None, "1000.00", "400.00"),
        ("central", 2025, "100.00", "90.50"),
        ("central", 2026, "200.00", "10.00"),
        ("county", 2025, "50.00", "0.00"),
    ]
    assert project["funding_totals"] == {
        "planned": "1350.00",
        "done": "500.50",
        "whole_life_planned": "1000.00",
        "whole_life_done": "400.00",
        "by_year": [
            {
                "year": 2025,
                "planned": "150.00",
                "done": "90.50",
                "cumulative_planned": "150.00",
                "cumulative_done": "90.50",
            },
            {
                "year": 2026,
                "planned": "200.00",
                "done": "10.00",
                "cumulative_planned": "350.00",
                "cumulative_done": "100.50",
            },
        ],
    }
    [audit] = await world.rows("SELECT action, outcome FROM audit_entries WHERE resource_id = :id", id=project["id"])
    assert tuple(audit) == ("projects.create", "done")
    [event] = await world.rows("SELECT type FROM outbox_events WHERE resource_id = :id", id=project["id"])
    assert event[0] == "projects.create"


async def test_creating_is_refused_in_order(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    body = {"region_code": "152501", "name": "示例项目（示例）"}
    assert (await editor.client.post("/v1/projects", json=body)).json()["code"] == "idempotency_key_missing"
    bare = {"Authorization": "", "Idempotency-Key": "k"}
    assert (await editor.client.post("/v1/projects", json=body, headers=bare)).status_code == 401
    assert (await office.post("/v1/projects", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    other = await editor.post("/v1/projects", {**body, "region_code": "152502"})
    assert (other.status_code, other.json()["code"]) == (403, "insufficient_scope")
    refused = await editor.post("/v1/projects", {"nonsense": 1})
    assert errors(refused) == {
        ("/region_code", "required"),
        ("/name", "required"),
        ("/nonsense", "unknown_field"),
    }


async def test_every_fault_of_a_body_is_named(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    refused = await editor.post(
        "/v1/projects",
        {
            "region_code": "152501",
            "name": "示例项目（示例）",
            "organisation_id": str(uuid4()),
            "practice_area_id": str(uuid4()),
            "primary_mode": "no_such_mode",
            "secondary_modes": ["ecological_tourism", "ecological_tourism", "no_such_mode"],
            "starts_on": "2026-05-01",
            "ends_on": "2025-05-01",
            "funding": [
                {"source": "central", "planned": "1", "done": "0"},
                {"source": "central", "year": 2025, "planned": "1", "done": "0"},
                {"source": "county", "year": 2025, "planned": "1", "done": "0"},
                {"source": "county", "year": 2025, "planned": "1", "done": "0"},
                {"source": "no_such_source", "planned": "1", "done": "0"},
            ],
        },
    )
    assert refused.status_code == 422
    assert errors(refused) == {
        ("/organisation_id", "unknown_reference"),
        ("/practice_area_id", "unknown_reference"),
        ("/primary_mode", "unknown_reference"),
        ("/secondary_modes/1", "duplicate"),
        ("/secondary_modes/2", "duplicate"),
        ("/secondary_modes/2", "unknown_reference"),
        ("/ends_on", "dates_out_of_order"),
        ("/funding/1/year", "mixed_years"),
        ("/funding/3", "duplicate"),
        ("/funding/4/source", "unknown_reference"),
    }
    for location in (
        {"type": "Point", "coordinates": [43.79, 112.05]},
        {"type": "Point", "coordinates": [181, 0]},
        {"type": "Point", "coordinates": [1]},
        {"type": "Polygon", "coordinates": [1, 2]},
        {"type": "Point", "coordinates": ["112", "43"]},
    ):
        body = {"region_code": "152501", "name": "示例项目（示例）", "location": location}
        assert (await editor.post("/v1/projects", body)).status_code == 422


async def test_a_patch_keeps_what_it_does_not_state(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await drafted(editor, await complete(world))
    before = await editor.get(path)
    patched = await editor.patch(
        path,
        {"expected_benefits": {"households": 30}, "location": None, "axis": "ecology_to_industry"},
        etag=before.headers["etag"],
    )
    assert patched.status_code == 200, patched.text
    after = patched.json()
    assert after["version"] == before.json()["version"] + 1
    assert after["expected_benefits"] == {**before.json()["expected_benefits"], "households": 30}
    assert after["location"] is None
    assert after["funding"] == before.json()["funding"]
    history = (await editor.get(f"{path}/history")).json()["items"]
    assert [change["action"] for change in history] == ["update", "create"]
    assert history[0]["changes"]["axis"] == {"before": None, "after": "ecology_to_industry"}
    assert set(history[0]["changes"]) == {"axis", "location", "expected_benefits"}
    assert (await editor.patch(path, {"name": None}, etag=patched.headers["etag"])).status_code == 422
    assert (await editor.patch(path, {"building_stage": "reserve"}, etag=patched.headers["etag"])).status_code == 422


async def test_a_patch_of_the_funding_alone_is_a_change(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await drafted(editor, await complete(world))
    before = await editor.get(path)
    lines = [{"source": "central", "year": 2026, "planned": "5.00", "done": "1.00"}]
    patched = await editor.patch(path, {"funding": lines}, etag=before.headers["etag"])
    assert patched.json()["funding"] == lines
    assert patched.json()["version"] == 2
    same = await editor.patch(path, {"funding": lines, "name": before.json()["name"]}, etag=patched.headers["etag"])
    assert same.json()["version"] == 2
    assert same.headers["etag"] == patched.headers["etag"]
    assert len((await editor.get(f"{path}/history")).json()["items"]) == 2
    stale = await editor.patch(path, {"funding": []}, etag=before.headers["etag"])
    assert stale.status_code == 412
    cleared = await editor.patch(path, {"funding": []}, etag=same.headers["etag"])
    assert cleared.json()["funding"] == []


async def test_a_member_keeps_its_four_facts(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    path = await admitted(world, editor, office)
    etag = (await editor.get(path)).headers["etag"]
    gone = {
        "construction_content": None,
        "organisation_id": None,
        "primary_mode": None,
        "expected_benefits": {"jobs": 0, "household_income_increase": None},
    }
    refused = await editor.patch(path, gone, etag=etag)
    assert errors(refused) == {
        ("/construction_content", "required"),
        ("/organisation_id", "required"),
        ("/expected_benefits", "required"),
        ("/primary_mode", "required"),
    }
    changed = await editor.patch(path, {"construction_content": "扩建冷链收储站"}, etag=etag)
    assert (changed.status_code, changed.json()["membership"]) == (200, "in_library")
    [latest, *_] = (await office.get(f"{path}/history")).json()["items"]
    assert latest["changes"] == {
        "construction_content": {"before": "草畜平衡核定与载畜量监测", "after": "扩建冷链收储站"}
    }


async def test_patching_is_refused_in_order(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    other = await world.person((Role.REGION_EDITOR, "152502"))
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    path = await drafted(editor, await complete(world))
    assert (await editor.client.patch(path, json={}, headers={"Authorization": ""})).status_code == 401
    assert (await approver.patch(path, {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await other.patch(path, {"nonsense": 1})).status_code == 404
    assert (await editor.patch(f"/v1/projects/{uuid4()}", {"nonsense": 1})).status_code == 404
    assert (await editor.patch(path, {"nonsense": 1})).status_code == 428
    assert (await editor.patch(path, {"nonsense": 1}, etag='"7.0123456789abcdef"')).status_code == 412
    etag = (await editor.get(path)).headers["etag"]
    assert errors(await editor.patch(path, {"nonsense": 1}, etag=etag)) == {("/nonsense", "unknown_field")}
    await done(editor, path, "propose")
    assert (await office.patch(path, {"name": "改名（示例）"}, etag=etag)).json()["code"] == "insufficient_scope"
