"""Projects for tests: complete bodies, drafts made through the API, and what the database was asked meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from httpx import Response
from sqlalchemy import event

from tests.world import Actor, World


async def complete(world: World, region: str = "152501", **more: Any) -> dict[str, Any]:
    """A body with the four facts of Art. 3."""
    entity = more.pop("organisation_id", None) or await world.organisation(region_code=region)
    return {
        "region_code": region,
        "name": "草畜平衡试点项目（示例）",
        "organisation_id": str(entity),
        "construction_content": "草畜平衡核定与载畜量监测",
        "primary_mode": "ecological_agriculture",
        "secondary_modes": ["ecological_tourism"],
        "starts_on": "2025-05-01",
        "ends_on": "2026-10-30",
        "funding": [
            {"source": "central", "year": 2025, "planned": "100.00", "done": "90.50"},
            {"source": "county", "year": 2025, "planned": "50", "done": "0"},
            {"source": "central", "year": 2026, "planned": "200.00", "done": "10.00"},
            {"source": "bank_loan", "planned": "1000.00", "done": "400.00"},
        ],
        "expected_benefits": {"jobs": 12, "household_income_increase": "4200.00"},
        "location": {"type": "Point", "coordinates": [112.0517, 43.7905]},
        **more,
    }


async def drafted(editor: Actor, body: dict[str, Any]) -> str:
    """The path of a new draft."""
    made = await editor.post("/v1/projects", body)
    assert made.status_code == 201, made.text
    return str(made.headers["location"])


async def proposed(world: World, editor: Actor, region: str = "152501", **more: Any) -> str:
    path = await drafted(editor, await complete(world, region, **more))
    await done(editor, path, "propose")
    return path


async def admitted(world: World, editor: Actor, office: Actor, region: str = "152501", **more: Any) -> str:
    path = await proposed(world, editor, region, **more)
    await done(office, path, "admit")
    return path


async def done(actor: Actor, path: str, action: str, body: Any = None) -> Response:
    answer = await actor.act(path, action, body)
    assert answer.status_code == 200, answer.text
    return answer


def errors(answer: Response) -> set[tuple[str, str]]:
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What the application sends to the database meanwhile."""
    sent: list[str] = []
    engine = world.api.state.database.engine.sync_engine

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
