"""Short words for uploading."""

from typing import Any
from uuid import uuid4

from httpx import Response

from tests.attachments.samples import PDF
from tests.world import Actor, World

PATH = "/v1/attachments"
SCAN: dict[str, Any] = {"sealed_scan": "true", "document_number": "示例发〔2026〕8号", "document_date": "2026-03-01"}


def owner_of(path: str) -> dict[str, str]:
    """`/v1/plans/{id}` as an upload names it."""
    _, _, collection, identifier = path.split("/")
    return {"owner_kind": collection.removesuffix("s"), "owner_id": identifier}


async def upload(
    actor: Actor,
    owner: str,
    content: bytes = PDF,
    *,
    name: str = "示例.pdf",
    declared: str = "application/pdf",
    key: str | None = None,
    **fields: Any,
) -> Response:
    return await actor.client.post(
        PATH,
        data={**owner_of(owner), **fields},
        files={"file": (name, content, declared)},
        headers={"Idempotency-Key": key or uuid4().hex},
    )


async def uploaded(actor: Actor, owner: str, content: bytes = PDF, **options: Any) -> str:
    """The path of a new file."""
    answer = await upload(actor, owner, content, **options)
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location


async def raw(actor: Actor, body: bytes, content_type: str, **headers: str) -> Response:
    """A body of one's own making."""
    return await actor.client.post(
        PATH, content=body, headers={"Idempotency-Key": uuid4().hex, "Content-Type": content_type, **headers}
    )


async def blobs(world: World) -> int:
    [(count,)] = await world.rows("SELECT count(*) FROM blobs")
    return int(count)
