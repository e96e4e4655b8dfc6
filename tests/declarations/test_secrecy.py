"""Who started a recusal is nobody's to find out, least of all the person's; whom it names is not the applicant's."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.models.identity import Role
from tests.core.walk import Operation, operations
from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, application, decided, order, own, place
from tests.world import Actor

INFORMANT = "某某举报人（示例）"


async def _everything(scene: Scene, person: Actor, known: list[str]) -> dict[str, str]:
    """All that every GET answers to this person, with each id that is known to the test in each place."""
    found = {}
    for operation in operations(scene.world.api):
        if operation.method != "get" or not operation.path.startswith("/v1"):
            continue
        for url in _urls(operation, known):
            answer = await person.get(url)
            assert answer.status_code < 500, url
            found[url] = answer.text + str(answer.headers.multi_items())
    return found


def _urls(operation: Operation, known: list[str]) -> set[str]:
    names = [p["name"] for p in operation.spec.get("parameters", ()) if p["in"] == "path"]
    return {operation.url(**dict.fromkeys(names, value)) for value in known}


@pytest.mark.parametrize("how", ["interested_party", "informant"])
async def test_the_person_finds_the_informant_nowhere(scene: Scene, how: str) -> None:
    person = scene.expert
    await scene.seat(person)
    await scene.editor.post("/v1/recusals", application(person.id, how))
    [recusal] = await scene.world.rows("SELECT id FROM recusals")
    await decided(scene.office, place(recusal.id), "in_force")
    await scene.editor.post("/v1/recusals", application(person.id, how, region_code=OTHER))
    await scene.world.renew(person)
    ids = [str(recusal.id), str(person.id), str(scene.editor.id)]
    told = await _everything(scene, person, ids)
    assert any('"in_force"' in text for text in told.values())
    # An id in the address is one that the person knew already; what is looked for is an answer that says more.
    for url, text in told.items():
        body = text.replace(url, "")
        assert str(scene.editor.id) not in body, url
        assert INFORMANT not in body, url
        assert "举报内容甲乙丙" not in body, url


async def test_a_decider_sees_decides_and_lifts_nothing_of_their_own(scene: Scene) -> None:
    person = scene.second
    await scene.applied(person, scene.editor, region_code=REGION)
    [pending] = await scene.world.rows("SELECT id FROM recusals")
    ordered = await scene.order(person, region_code=OTHER)
    for path in (place(pending.id), ordered):
        absent = await person.get(place(uuid4()))
        hidden = await person.get(path)
        assert _bare(hidden.json()) == _bare(absent.json())
        for action in ("decide", "lift"):
            one = await person.post(f"{path}/{action}", {"nonsense": 1})
            other = await person.post(f"{place(uuid4())}/{action}", {"nonsense": 1})
            assert (one.status_code, _bare(one.json())) == (404, _bare(other.json()))
    for params in ({}, {"person_id": str(person.id)}, {"state": "pending"}, {"region_code": REGION}):
        page = (await person.get("/v1/recusals", params={"include_total": True, **params})).json()
        assert (page["items"], page["total"]) == ([], 0)
    told = await _everything(scene, person, [str(pending.id), ordered.rsplit("/", 1)[1]])
    for url, text in told.items():
        if not url.startswith("/v1/people"):
            assert str(scene.editor.id) not in text, url
    assert [item["state"] for item in (await person.get("/v1/me/recusals")).json()["items"]] == ["provisional"]


async def test_a_decider_who_is_walled_from_it_gets_what_is_absent(scene: Scene) -> None:
    organisation = await scene.world.organisation()
    project = await scene.project(organisation)
    paths = [
        await scene.order(scene.expert, region_code=REGION),
        await scene.order(scene.expert, organisation_id=str(organisation)),
        await scene.order(scene.expert, project_id=str(project)),
    ]
    elsewhere = await scene.order(scene.expert, region_code=OTHER)
    assert len((await scene.inspector.get("/v1/recusals")).json()["items"]) == 4
    await scene.own(scene.inspector, region_code=REGION)
    [item] = (await scene.inspector.get("/v1/recusals")).json()["items"]
    assert place(item["id"]) == elsewhere
    for path in paths:
        assert (await scene.inspector.get(path)).status_code == 404
        for action in ("decide", "lift"):
            assert (await scene.inspector.post(f"{path}/{action}", {"nonsense": 1})).status_code == 404
    assert (await scene.second.get(paths[0])).status_code == 200


async def test_an_auditor_links_no_application_to_a_recusal(scene: Scene) -> None:
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    await decided(scene.office, place(recusal), "rejected")
    auditor = await scene.world.person(Role.AUDITOR)
    entries = (await auditor.get("/v1/audit-entries", params={"limit": 200})).json()["items"]
    [entry] = [entry for entry in entries if entry["action"] == "recusals.apply"]
    assert entry["actor_id"] == str(scene.editor.id)
    assert entry["resource_id"] != str(recusal)
    assert (entry["region_code"], entry["changes"], entry["reason"]) == (None, {}, None)
    for entry in entries:
        if entry["action"].startswith("recusals"):
            assert str(scene.expert.id) not in str({k: v for k, v in entry.items() if k != "actor_id"})


async def test_applications_are_answered_alike_whoever_is_named(scene: Scene, clock: Any) -> None:
    seated, recused, outsider = scene.expert, await scene.world.person(Role.EXPERT), await scene.world.person()
    await scene.seat(seated)
    await scene.own(recused)
    answers, sent = [], []
    for person in (seated.id, recused.id, outsider.id, uuid4(), scene.world.admin.ids.random()):
        with scene.world.counting() as statements:
            answers.append(await scene.editor.post("/v1/recusals", application(person)))
        sent.append(list(statements))
    shapes = [(a.status_code, a.content, sorted(set(a.headers) - {"x-request-id"})) for a in answers]
    assert shapes == [shapes[0]] * len(shapes)
    assert shapes[0][:2] == (202, b"")
    assert [len(statements) for statements in sent] == [len(sent[0])] * len(sent)
    traces = await scene.world.rows("SELECT 1 FROM audit_entries WHERE action = 'recusals.apply'")
    assert len(traces) == len(answers)
    again = await scene.editor.post("/v1/recusals", application(uuid4()), key="again")
    first = await scene.editor.post("/v1/recusals", application(UUID(int=7)), key="repeated")
    repeated = await scene.editor.post("/v1/recusals", application(UUID(int=7)), key="repeated")
    assert (first.status_code, repeated.status_code, repeated.content, again.status_code) == (202, 202, b"", 202)


@pytest.mark.parametrize(
    ("subject", "pointer"),
    [
        ({"region_code": "999999"}, "/region_code"),
        ({"region_code": "152500"}, "/region_code"),
        ({"organisation_id": str(uuid4())}, "/organisation_id"),
        ({"project_id": str(uuid4())}, "/project_id"),
        ({"case_id": str(uuid4())}, "/case_id"),
    ],
)
async def test_an_unknown_subject_is_refused_for_everybody_alike(
    scene: Scene, subject: dict[str, str], pointer: str
) -> None:
    refused = [
        await scene.editor.post("/v1/recusals", application(uuid4(), **subject)),
        await scene.editor.post("/v1/recusals", application(scene.expert.id, **subject)),
        await scene.office.post("/v1/recusals", order(scene.expert, **subject)),
        await scene.expert.post("/v1/recusals", own(**subject)),
    ]
    for answer in refused:
        assert answer.status_code == 422, answer.text
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, "unknown_reference")]
    unknown = await scene.editor.post("/v1/recusals", {**application(uuid4()), "relation_code": "friendship"})
    assert [e["pointer"] for e in unknown.json()["errors"]] == ["/relation_code"]


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"region_code": None}, {"/region_code"}),
        ({"project_id": str(uuid4())}, {"/project_id"}),
        ({"person_id": None}, {"/person_id"}),
        ({"initiator": "detected"}, {"/initiator"}),
        ({"statement": ""}, {"/statement"}),
        ({"relation_code": "DROP"}, {"/relation_code"}),
    ],
)
async def test_bodies_are_checked(scene: Scene, change: dict[str, Any], pointers: set[str]) -> None:
    refused = await scene.editor.post("/v1/recusals", {**application(scene.expert.id), **change})
    assert refused.status_code == 422, refused.text
    assert {error["pointer"] for error in refused.json()["errors"]} == pointers


async def test_oneself_is_named_by_self_alone(scene: Scene) -> None:
    other = await scene.expert.post("/v1/recusals", {**own(), "person_id": str(scene.office.id)})
    assert [e["pointer"] for e in other.json()["errors"]] == ["/person_id"]
    about = await scene.expert.post("/v1/recusals", application(scene.expert.id))
    assert [e["pointer"] for e in about.json()["errors"]] == ["/person_id"]
    ordered = await scene.office.post("/v1/recusals", order(scene.office))
    assert (ordered.status_code, ordered.json()["code"]) == (409, "four_eyes")


async def test_an_order_is_not_given_by_who_may_not(scene: Scene) -> None:
    assert (await scene.editor.post("/v1/recusals", order(scene.expert))).json()["code"] == "insufficient_scope"
    unknown = await scene.office.post("/v1/recusals", {**order(scene.expert), "person_id": str(uuid4())})
    assert [e["pointer"] for e in unknown.json()["errors"]] == ["/person_id"]
    organisation = await scene.world.organisation()
    project = await scene.project(organisation)
    await scene.own(scene.office)
    for subject in ({"region_code": REGION}, {"organisation_id": str(organisation)}, {"project_id": str(project)}):
        refused = await scene.office.post("/v1/recusals", order(scene.expert, **subject))
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    # Walled or not, anybody may inform.
    assert (await scene.office.post("/v1/recusals", application(scene.expert.id))).status_code == 202
    assert await scene.walls(scene.expert) == set()


async def test_staff_of_the_region_decide_nothing_on_it(scene: Scene) -> None:
    """Who sits in the office too would choose the region's judges."""
    both = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    organisation = await scene.world.organisation()
    await scene.project(organisation)
    paths = [
        await scene.order(scene.expert, region_code=REGION),
        await scene.order(scene.expert, organisation_id=str(organisation)),
    ]
    for path in paths:
        assert (await both.get(path)).status_code == 404
        assert (await both.post(f"{path}/decide", {"nonsense": 1})).status_code == 404
    refused = await both.post("/v1/recusals", order(scene.expert, region_code=REGION))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    elsewhere = await scene.order(scene.expert, region_code=OTHER)
    await decided(both, elsewhere, "rejected")


async def test_an_applicant_ends_nobodys_transaction(scene: Scene, app_role: asyncpg.Connection) -> None:
    async with app_role.transaction():
        await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", scene.expert.id)
        for body in (
            application(scene.expert.id),
            order(scene.expert),
            {**order(scene.expert), "nonsense": 1},
            {**own(), "person_id": str(scene.expert.id)},
        ):
            await scene.editor.post("/v1/recusals", body)
        bad = await scene.office.post("/v1/recusals", {**order(scene.expert), "nonsense": 1})
        assert bad.status_code == 422
        assert await app_role.fetchval("SELECT gate.kind()") == "person"


async def test_since_is_when_it_bars_and_not_when_somebody_applied(scene: Scene, clock: Any) -> None:
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    clock.advance(minutes=5)
    await decided(scene.office, place(recusal), "in_force")
    await scene.world.renew(scene.expert)
    [notice] = (await scene.expert.get("/v1/me/recusals")).json()["items"]
    assert notice["since"] == "2026-03-02T01:05:00Z"
    assert notice["reason"] == DECIDED["reason"]


def _bare(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}
