"""Random people try random acts: what happens is what the table says, and nothing else ever does."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.models.identity import Role
from tests.plans.scene import ITEMS, OTHER, REGION, REMARKS, SIGNATURE
from tests.world import Actor, World

BODIES: dict[str, Any] = {
    "edit": None,
    "submit": None,
    "send-back": {"reason": "请核对（示例）"},
    "sign": SIGNATURE,
    "file": None,
    "return": REMARKS,
    "amend": {"reason": "调整（示例）"},
}
SCOPES = {
    "edit": "write",
    "submit": "submit",
    "send-back": "sign",
    "sign": "sign",
    "file": "file",
    "return": "file",
    "amend": "write",
}
EDITOR, APPROVER, OFFICE = {"write", "submit"}, {"sign"}, {"file"}
# By name: roles, the scopes that reach the region, whether the person is its own staff, the league's, recused.
PEOPLE: dict[str, tuple[list[Any], set[str], bool, bool, bool]] = {
    "editor": ([(Role.REGION_EDITOR, REGION)], EDITOR, True, False, False),
    "approver": ([(Role.REGION_APPROVER, REGION)], APPROVER, True, False, False),
    "both": ([(Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION)], EDITOR | APPROVER, True, False, False),
    "half": ([(Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, OTHER)], EDITOR, True, False, False),
    "office": ([Role.LEAGUE_OFFICE], OFFICE, False, True, False),
    "posted": ([Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION)], EDITOR | OFFICE, True, True, False),
    "signing officer": ([Role.LEAGUE_OFFICE, (Role.REGION_APPROVER, REGION)], APPROVER | OFFICE, True, True, False),
    "recused": ([Role.LEAGUE_OFFICE], OFFICE, False, True, True),
    "stranger": ([(Role.REGION_EDITOR, OTHER), (Role.REGION_APPROVER, OTHER)], set(), False, False, False),
    "committee": ([Role.LEAGUE_COMMITTEE], set(), False, True, False),
}
# The scopes that the token carries for any region: without one the refusal comes before the plan is looked up.
TOKENS = {name: held for name, (_, held, *_) in PEOPLE.items()} | {
    "half": EDITOR | APPROVER,
    "stranger": EDITOR | APPROVER,
}
EDITABLE = {"draft", "returned", "amending"}
SOURCES = {
    "edit": EDITABLE,
    "submit": EDITABLE,
    "send-back": {"awaiting_signature"},
    "sign": {"awaiting_signature"},
    "file": {"submitted"},
    "return": {"submitted"},
    "amend": {"filed"},
}


@dataclass
class Model:
    """What the plan should be, kept beside the real one."""

    state: str = "draft"
    origin: str = "draft"
    versions: int = 0
    submitter: str | None = None
    had_a_hand: frozenset[str] = frozenset()
    filings: int = 0

    def expects(self, name: str, action: str) -> tuple[int, str | None]:
        """Status and code, in the API's order of refusals."""
        _, scopes, own, league, recused = PEOPLE[name]
        if SCOPES[action] not in TOKENS[name]:
            return 403, "insufficient_scope"
        if not own and not (league and self.versions):
            return 404, "not_found"
        if SCOPES[action] not in scopes:
            return 403, "insufficient_scope"
        if action in {"file", "return"} and own:
            return 403, "forbidden"
        if action in {"file", "return"} and recused:
            return 403, "recused"
        if self.state not in SOURCES[action]:
            return 409, "state_conflict"
        if action == "sign" and self.submitter == name:
            return 409, "four_eyes"
        if action in {"file", "return"} and name in self.had_a_hand:
            return 409, "four_eyes"
        return 200, None

    def follow(self, name: str, action: str) -> None:
        match action:
            case "submit":
                self.origin, self.state, self.submitter = self.state, "awaiting_signature", name
            case "send-back":
                self.state, self.submitter = self.origin, None
            case "sign":
                self.state, self.versions = "submitted", self.versions + 1
                self.had_a_hand |= {name, self.submitter or ""}
            case "file" | "return":
                self.state, self.filings = ("filed" if action == "file" else "returned"), self.filings + 1
            case "amend":
                self.state = "amending"


@pytest.fixture
async def people(world: World) -> dict[str, Actor]:
    actors = {name: await world.person(*roles) for name, (roles, *_) in PEOPLE.items()}
    await world.wall(actors["recused"], f"region:{REGION}")
    return actors


@pytest.fixture
def years() -> Iterator[int]:
    return count(2000)


# A first part that leads somewhere makes deep states frequent; what follows is anybody's try at anything.
_TRY = st.tuples(st.sampled_from(sorted(PEOPLE)), st.sampled_from(sorted(BODIES)))
_SENT = [("editor", "submit"), ("approver", "sign")]
_FILED = [*_SENT, ("office", "file")]
_STARTS = st.sampled_from(
    [
        [],
        [("both", "submit")],
        _SENT,
        [("posted", "submit"), ("signing officer", "sign")],
        [*_SENT, ("office", "return")],
        _FILED,
        [*_FILED, ("editor", "amend"), ("both", "submit")],
    ]
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(start=_STARTS, tries=st.lists(_TRY, max_size=12))
async def test_nothing_leaves_the_table(
    world: World,
    people: dict[str, Actor],
    years: Iterator[int],
    start: list[tuple[str, str]],
    tries: list[tuple[str, str]],
) -> None:
    editor, model = people["editor"], Model()
    body = {"region_code": REGION, "year": next(years), "resource_assessment": "草原（示例）"}
    made = await editor.post("/v1/plans", body)
    path = made.headers["location"]
    for section, item in ITEMS.items():
        await editor.post(f"{path}/{section}", item)
    for name, action in [*start, *tries]:
        status, code = model.expects(name, action)
        # The ETag of who sees the plan in any state: its version part is the same for everybody.
        etag = (await editor.get(path)).headers["etag"]
        if action == "edit":
            answer = await people[name].patch(path, {"overview": f"{name}（示例）"}, etag=etag)
        else:
            answer = await people[name].post(f"{path}/{action}", BODIES[action], etag=etag)
        assert (answer.status_code, answer.json().get("code")) == (status, code), (name, action, model, answer.text)
        if status == 200:
            model.follow(name, action)
        await _is_as(world, path, model, people)


async def _is_as(world: World, path: str, model: Model, people: dict[str, Actor]) -> None:
    plan = UUID(path.rsplit("/", 1)[1])
    [stored] = await world.rows(
        "SELECT state, latest_version, (SELECT count(*) FROM plan_versions WHERE plan_id = plans.id) AS versions,"
        " (SELECT count(*) FROM plan_filings WHERE plan_id = plans.id) AS filings FROM plans WHERE id = :id",
        id=plan,
    )
    assert tuple(stored) == (model.state, model.versions or None, model.versions, model.filings)
    # What the resource says of itself is what the next try will meet.
    for name in ("both", "posted", "signing officer"):
        shown = (await people[name].get(path)).json()
        assert shown["state"] == model.state
        for action in shown["allowed_actions"]:
            assert action["allowed"] is (model.expects(name, action["action"])[0] == 200), (name, action, model)
