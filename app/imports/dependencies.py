"""Who pushes and who reads receipts; the body is read here, after the caller is known."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.dependencies import Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.problems import language_of
from app.core.routing import answers
from app.imports import reading, repository, service
from app.models.imports import ImportRun

Pusher = Annotated[Caller, acts("projects:push")]
# A push is repeated by its key with the scope of the push alone, and then shows its receipt.
ReceiptReader = Annotated[Caller, requires("imports:read", "projects:push")]


@answers(e.NOT_FOUND)
async def visible_run(session: Session, run_id: UUID) -> ImportRun:
    """The client's own run; the league's handlers see all."""
    run = await repository.run(session, run_id)
    if run is None:
        raise e.NotFound
    return run


VisibleRun = Annotated[ImportRun, Depends(visible_run)]


async def get_language(request: Request) -> str:
    return language_of(request)


Language = Annotated[str, Depends(get_language)]


class PushedBody:
    """Cuts the body into rows. Its media types are checked with the route's, before the caller."""

    media_types = frozenset({reading.JSON, reading.NDJSON})
    problems = (e.PAYLOAD_TOO_LARGE, e.UNSUPPORTED_MEDIA_TYPE)

    async def __call__(self, request: Request) -> service.Batch:
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type not in self.media_types:
            raise e.UnsupportedMediaType(headers={"Accept": ", ".join(sorted(self.media_types))})
        raw = await request.body()
        return service.batch(reading.read(raw, media_type), media_type, raw)


Pushed = Annotated[service.Batch, Depends(PushedBody())]
