"""The calendar of a year's selection: opening, closing, selecting, publishing; and the rules that select."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from app.cases.files.rules import explain, settle, total_of
from app.cases.rounds.rules import CRITERIA, criteria_of, selected
from app.core.canonical import digest
from app.models.cases import CaseFileState
from app.models.identity import Role
from tests.cases.scene import ROUND, WEIGHTS, Selection, actions, done, make_selection
from tests.world import World

TOTALS = st.lists(st.decimals(0, 100, places=1).map(lambda total: total.normalize()), max_size=12)
SCORES = st.decimals(0, 100, places=4, allow_nan=False, allow_infinity=False)
SHEETS = st.lists(st.fixed_dictionaries(dict.fromkeys(CRITERIA, SCORES)), min_size=1, max_size=5)
EQUAL = criteria_of(dict.fromkeys(CRITERIA, Decimal(25)))


@pytest.fixture
async def selection(world: World) -> Selection:
    return await make_selection(world)


async def test_opening_refuses_in_order(world: World, http: AsyncClient) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    path = "/v1/case-rounds"
    assert (await http.post(path, json=ROUND, headers={"Idempotency-Key": "k"})).status_code == 401
    for stranger in (await world.person(Role.LEAGUE_COMMITTEE), await world.person((Role.REGION_EDITOR, "152501"))):
        assert (await stranger.post(path, ROUND)).json()["code"] == "insufficient_scope"
    for wrong, pointer in (
        ({"weights": {**WEIGHTS, "results": "30.5"}}, "/weights"),
        ({"weights": {**WEIGHTS, "results": "-1"}}, "/weights/results"),
        ({"weights": {**WEIGHTS, "beauty": "1"}}, "/weights/beauty"),
        ({"due_on": "2025-12-31"}, "/due_on"),
        ({"quota": 0}, "/quota"),
        ({"selected_at_most": 0}, "/selected_at_most"),
        ({"seats": 3, "quorum": 4}, "/quorum"),
        ({"title": ""}, "/title"),
        ({"nonsense": 1}, "/nonsense"),
    ):
        refused = await office.post(path, {**ROUND, **wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), wrong
    made = await office.post(path, ROUND)
    assert (made.status_code, made.json()["phase"]) == (201, "open")
    shown = made.json()
    assert [(c["code"], c["name"], c["weight"]) for c in shown["criteria"]] == [
        ("innovation", "模式创新性", "30"),
        ("results", "实际成效显著性", "30"),
        ("transferability", "经验可推广性", "20"),
        ("regularity", "运作规范性", "20"),
    ]
    assert shown["criteria_sha256"] == digest(shown["criteria"])
    again = await office.post(path, ROUND)
    assert (again.status_code, again.json()["reason"]) == (409, "round_exists")


async def test_rounds_are_everybodys_to_read(selection: Selection, http: AsyncClient) -> None:
    for place in (selection.round, "/v1/case-rounds"):
        assert (await http.get(place)).status_code == 401
        for reader in (selection.editor, selection.review.experts[0], await selection.world.machine("152501")):
            assert (await reader.get(place)).status_code == 200
    assert (await selection.editor.get(f"/v1/case-rounds/{uuid4()}")).status_code == 404
    assert (await selection.editor.get("/v1/case-rounds/nonsense")).status_code == 404
    assert (await selection.editor.get("/v1/case-rounds?nonsense=1")).status_code == 422
    assert actions((await selection.office.get(selection.round)).json()) == {
        "close": None,
        "select": None,
        "publish": "wrong_state",
    }
    assert set(actions((await selection.editor.get(selection.round)).json()).values()) == {"scope_missing"}


@pytest.mark.parametrize("action", ["close", "select", "publish"])
async def test_acts_on_a_round_refuse_in_order(selection: Selection, action: str, http: AsyncClient) -> None:
    if action == "publish":
        await selection.reviewed()
        await selection.ask("select")
    url = f"{selection.round}/{action}"
    assert (await selection.office.client.post(url)).json()["code"] == "idempotency_key_missing"
    assert (await http.post(url, headers={"Idempotency-Key": "k"})).status_code == 401
    for stranger in (selection.editor, selection.leader, selection.review.experts[0]):
        await selection.world.renew(stranger)
        assert (await stranger.post(url)).json()["code"] == "insufficient_scope"
    assert (await selection.office.post(f"/v1/case-rounds/{uuid4()}/{action}")).status_code == 404
    assert (await selection.office.post(f"/v1/case-rounds/nonsense/{action}")).status_code == 404
    assert (await selection.office.post(url)).status_code == 428
    assert (await selection.office.post(url, etag='"99.0123456789abcdef"')).status_code == 412
    etag = (await selection.office.get(selection.round)).headers["etag"]
    assert (await selection.office.post(f"{url}?nonsense=1", etag=etag)).status_code == 422
    assert (await selection.office.post(url, {}, etag=etag)).status_code == 415
    moved = await selection.office.post(url, etag=etag, key="once")
    assert moved.status_code == (200 if action == "close" else 202), moved.text
    again = await selection.office.post(url, etag=etag, key="once")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (moved.status_code, "true")
    await selection.world.drain()
    if action != "select":
        late = await selection.office.act(selection.round, action)
        assert (late.status_code, late.json()["code"]) == (409, "state_conflict")


async def test_nothing_is_selected_before_everything_is_in(selection: Selection) -> None:
    file = await selection.reviewed()
    draft = await selection.drafted(title="未推荐（示例）")
    path = await selection.recommended(title="另一（示例）")
    refused = await selection.office.act(selection.round, "select")
    assert (refused.status_code, refused.json()["reason"]) == (409, "undecided")
    await done(selection.office, path, "return", {"remarks": "请补充（示例）"})
    await selection.ask("select")
    assert (await selection.row(file)).state == "selected"
    assert (await selection.office.get(selection.round)).json()["phase"] == "closed"
    # The recommending is over, but for what was returned: it comes back, and the selection is made again.
    late = await selection.approver.act(draft, "recommend")
    assert (late.status_code, late.json()["reason"]) == (409, "round_closed")
    assert actions((await selection.approver.get(draft)).json())["recommend"] == "round_closed"
    etag = (await selection.editor.get(path)).headers["etag"]
    changed = await selection.editor.patch(path, {"summary": "补充后（示例）"}, etag=etag)
    assert changed.status_code == 200, changed.text
    await done(selection.approver, path, "recommend")
    again = await selection.office.act(selection.round, "publish")
    assert (again.status_code, again.json()["reason"]) == (409, "undecided")
    await done(selection.office, path, "return", {"remarks": "仍不充分（示例）"})
    await selection.ask("publish")
    assert len(await selection.publications()) == 1


async def test_an_empty_round_is_not_published(selection: Selection) -> None:
    await selection.ask("select")
    await selection.ask("publish")
    assert await selection.publications() == []
    assert (await selection.office.get(selection.round)).json()["phase"] == "closed"


@given(TOTALS, st.integers(1, 12))
def test_a_selection_takes_the_best_and_treats_equals_alike(totals: list[Decimal], at_most: int) -> None:
    files = {UUID(int=n): total for n, total in enumerate(totals)}
    best = selected(list(files.items()), at_most)
    assert len(best) <= at_most
    inside, outside = [files[f] for f in best], [files[f] for f in files.keys() - best]
    assert all(better > worse for better in inside for worse in outside)
    if len(files) <= at_most:
        assert best == files.keys()
    # Nobody is left out without need: with the next group of equals there would be too many.
    if outside:
        assert len(best) + outside.count(max(outside)) > at_most


@given(SHEETS)
def test_a_total_depends_on_nothing_but_the_sheets(sheets: list[dict[str, Decimal]]) -> None:
    total = total_of(EQUAL, sheets)
    assert Decimal(0) <= total <= Decimal(100)
    assert explain(EQUAL, sheets) == explain(EQUAL, sheets[::-1])
    told = explain(EQUAL, sheets)
    again = [{code: Decimal(score) for code, score in sheet.items()} for sheet in told["sheets"]]
    assert format(total_of(told["criteria"], again), "f") == told["total"] == format(total, "f")


def test_a_total_is_rounded_once_and_half_up() -> None:
    sheets = [dict.fromkeys(CRITERIA, Decimal(score)) for score in ("80", "87.65", "92.5")]
    assert total_of(EQUAL, sheets) == Decimal("86.7167")
    halves = [dict.fromkeys(CRITERIA, Decimal(score)) for score in ("80.0001", "80.0000")]
    assert total_of(EQUAL, halves) == Decimal("80.0001")
    with pytest.raises(ValueError, match="takes a sheet"):
        total_of(EQUAL, [])


def test_a_selection_does_not_outlive_what_it_was_made_of() -> None:
    for state in (CaseFileState.SCORED, CaseFileState.SELECTED, CaseFileState.NOT_SELECTED):
        assert settle(state, touched=True, whole=True).state == CaseFileState.SCORED
        assert settle(state, touched=True, whole=False).state == CaseFileState.UNDER_REVIEW
        assert settle(state, touched=False, whole=False).state == state
    for whole in (True, False):
        assert settle(CaseFileState.PUBLISHED, touched=True, whole=whole).state == CaseFileState.PUBLISHED
