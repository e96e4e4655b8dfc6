"""Short words for what every attack does: to recuse, to knock at a door, to compare what two answers say."""

from typing import Any
from uuid import UUID, uuid4

from httpx import Response

from tests.evaluations.scene import scrubbed
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
ALREADY = "该人员在此地区有亲属任职（示例）"


def answer(response: Response) -> tuple[int, bytes]:
    """What an answer says: its status, and its bytes but for the request's id."""
    assert response.status_code != 500, response.text
    return response.status_code, scrubbed(response)


async def recuse(world: World, actor: Actor, **subject: Any) -> str:
    """自行回避: in effect when this returns, with a new token. The path of the recusal."""
    body = {
        "initiator": "self",
        "relation_code": "kinship",
        "statement": ALREADY,
        **(subject or {"region_code": REGION}),
    }
    made = await actor.post("/v1/recusals", body)
    assert made.status_code == 201, made.text
    await world.renew(actor)
    return f"/v1/recusals/{made.json()['id']}"


async def order(by: Actor, person: Actor, **subject: Any) -> str:
    """决定回避 by a decider: in effect when this returns. The old token is the person's still."""
    body = {
        "initiator": "ex_officio",
        "person_id": str(person.id),
        "relation_code": "kinship",
        "statement": ALREADY,
        **(subject or {"region_code": REGION}),
    }
    made = await by.post("/v1/recusals", body)
    assert made.status_code == 201, made.text
    return f"/v1/recusals/{made.json()['id']}"


async def decide(by: Actor, recusal: str, outcome: str = "in_force") -> None:
    decided = await by.act(recusal, "decide", {"outcome": outcome, "reason": "情况属实（示例）"})
    assert decided.status_code == 200, decided.text


async def knock(actor: Actor, path: str) -> tuple[int, bytes]:
    return answer(await actor.get(path))


async def nowhere(actor: Actor, path: str) -> tuple[int, bytes]:
    """What the same door answers where nothing is: the last id in the path is one that nobody has."""
    parts = path.split("/")
    last = max(index for index, part in enumerate(parts) if _is_id(part))
    return await knock(actor, "/".join([*parts[:last], str(uuid4()), *parts[last + 1 :]]))


async def items(actor: Actor, path: str, **params: Any) -> list[dict[str, Any]]:
    listed = await actor.get(path, params=params)
    assert listed.status_code == 200, listed.text
    found: list[dict[str, Any]] = listed.json()["items"]
    return found


async def page(actor: Actor, path: str, **params: Any) -> dict[str, Any]:
    """With the total."""
    listed = await actor.get(path, params={"include_total": "true", **params})
    assert listed.status_code == 200, listed.text
    found: dict[str, Any] = listed.json()
    return found


def _is_id(part: str) -> bool:
    try:
        UUID(part)
    except ValueError:
        return False
    return True
