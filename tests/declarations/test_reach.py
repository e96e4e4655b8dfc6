"""A recusal from an organisation or a project bars from every region whose library holds it, also later."""

from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, decided, place


async def test_from_an_organisation_every_region_that_holds_it(scene: Scene) -> None:
    organisation = await scene.world.organisation()
    await scene.project(organisation, region=REGION)
    await scene.project(organisation, region=OTHER)
    await scene.project(organisation, region="152522", membership="proposed")
    here, there = await scene.seat(scene.expert), await scene.seat(scene.expert, region="152522")
    await scene.own(scene.expert, organisation_id=str(organisation))
    assert await scene.walls(scene.expert) == {
        f"organisation:{organisation}",
        f"region:{REGION}",
        f"region:{OTHER}",
    }
    assert await scene.state(here) == ("suspended", "sealed", True)
    assert await scene.state(there) == ("done", "submitted", False)
    [item] = (await scene.office.get("/v1/recusals", params={"region_code": OTHER})).json()["items"]
    assert item["reaches"] == [f"region:{REGION}", f"region:{OTHER}"]
    assert (await scene.office.get("/v1/recusals", params={"region_code": "152522"})).json()["items"] == []


async def test_from_a_project_its_region(scene: Scene) -> None:
    project = await scene.project(await scene.world.organisation())
    seat = await scene.seat(scene.expert)
    path = await scene.order(scene.expert, project_id=str(project))
    assert await scene.walls(scene.expert) == {f"project:{project}", f"region:{REGION}"}
    await decided(scene.second, path, "in_force")
    assert await scene.state(seat) == ("voided", "voided", True)


async def test_leaving_the_library_lifts_no_recusal(scene: Scene) -> None:
    project = await scene.project(await scene.world.organisation())
    await scene.own(scene.expert, project_id=str(project))
    await scene.execute("UPDATE projects SET membership = 'left' WHERE id = :id", id=project)
    await scene.own(scene.expert, region_code=OTHER)
    assert f"region:{REGION}" in await scene.walls(scene.expert)


async def test_an_application_reaches_as_far_as_the_library_when_it_is_decided(scene: Scene) -> None:
    organisation = await scene.world.organisation()
    await scene.seat(scene.expert)
    recusal = await scene.applied(scene.expert, scene.editor, organisation_id=str(organisation))
    await scene.project(organisation)
    [gated] = await scene.world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert gated.yes
    await decided(scene.office, place(recusal), "in_force")
    assert f"region:{REGION}" in await scene.walls(scene.expert)


async def test_admission_extends_a_recusal_to_the_region(scene: Scene) -> None:
    organisation, seat = await scene.world.organisation(), await scene.seat(scene.expert)
    path = await scene.order(scene.expert, organisation_id=str(organisation))
    bystander = await scene.seat(await scene.world.person())
    project = await scene.project(organisation, membership="proposed")
    assert await scene.walls(scene.expert) == {f"organisation:{organisation}"}
    admitted = await _complete_and_admit(scene, str(project))
    assert admitted == 200
    # In the admission itself: nothing of it waits for the worker.
    assert f"region:{REGION}" in await scene.walls(scene.expert)
    assert (await scene.state(seat))[:2] == ("suspended", "sealed")
    assert (await scene.state(bystander))[0] == "done"
    assert (await scene.expert.get("/v1/me")).status_code == 401
    assert (await scene.second.get(path)).json()["reaches"] == [f"region:{REGION}"]
    assert await scene.world.rows("SELECT 1 FROM audit_entries WHERE action = 'recusals.reach'")


async def test_a_regions_own_change_bars_nobody_and_opens_a_decision(scene: Scene) -> None:
    """Or a region could rid itself of a reviewer by naming an investor, and see whether it worked."""
    organisation, seat = await scene.world.organisation(), await scene.seat(scene.expert)
    await scene.own(scene.expert, organisation_id=str(organisation))
    project = await scene.project(await scene.world.organisation())
    for name in ("改名一（示例）", "改名二（示例）"):
        etag = (await scene.editor.get(f"/v1/projects/{project}")).headers["etag"]
        changed = await scene.editor.patch(
            f"/v1/projects/{project}",
            {"name": name, "organisation_id": str(organisation), **FACTS},
            etag=etag,
        )
        assert changed.status_code == 200, changed.text
    await scene.world.drain()
    assert await scene.walls(scene.expert) == {f"organisation:{organisation}"}
    assert (await scene.state(seat))[0] == "done"
    [found] = (await scene.office.get("/v1/recusals", params={"state": "pending"})).json()["items"]
    assert (found["initiator"], found["initiated_by"], found["region_code"]) == ("detected", None, REGION)
    [gated] = await scene.world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert gated.yes
    answer = await scene.office.act(place(found["id"]), "decide", {"outcome": "in_force", **DECIDED})
    assert answer.status_code == 200
    assert f"region:{REGION}" in await scene.walls(scene.expert)


FACTS = {
    "construction_content": "建设内容（示例）",
    "expected_benefits": {"jobs": 10},
    "primary_mode": "ecological_agriculture",
}


async def _complete_and_admit(scene: Scene, project: str) -> int:
    await scene.execute(
        "UPDATE projects SET construction_content = '示例', expected_jobs = 1, "
        "primary_mode = (SELECT code FROM conversion_modes LIMIT 1) WHERE id = :id",
        id=project,
    )
    return (await scene.office.act(f"/v1/projects/{project}", "admit")).status_code
