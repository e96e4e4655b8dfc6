"""A file as it is downloaded: by the page, each in a transaction of its own, so that a long download holds neither
a connection nor the whole file, and ends when the caller's rights change.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response, StreamingResponse

from app.attachments import repository
from app.attachments.files import TYPES
from app.auth.dependencies import database_of
from app.core import errors as e
from app.core.db import Entry, entered
from app.core.routing import sets
from app.models.attachments import Attachment

PAGE_BYTES = 1024 * 1024
# A file is somebody's bytes: it is never shown as ours, runs nothing and loads nothing.
_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"

# What the OpenAPI document says of such an answer.
BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file's bytes, as they were sent.",
        "content": {kind.media_type: {"schema": {"type": "string", "format": "binary"}} for kind in TYPES},
    },
    304: {"description": "You have these bytes already (`If-None-Match`)."},
}


class Content:
    """Answers with a file's bytes. One per request."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def __call__(self, session: AsyncSession, attachment: Attachment) -> Response:
        tag = f'"{attachment.sha256}"'
        headers = {
            "ETag": tag,
            "Content-Security-Policy": _POLICY,
            "Content-Disposition": disposition(attachment.name),
        }
        known = self._request.headers.get("if-none-match", "").split(",")
        if {tag, "*"} & {each.strip().removeprefix("W/") for each in known}:
            return Response(status_code=304, headers={"ETag": tag})
        first = await repository.page(session, attachment.id, 0, PAGE_BYTES)
        if first is None:
            raise e.NotFound
        headers["Content-Length"] = str(attachment.size)
        if len(first) == attachment.size:
            return Response(first, headers=headers, media_type=attachment.media_type)
        return StreamingResponse(self._pages(first, attachment), headers=headers, media_type=attachment.media_type)

    async def _pages(self, first: bytes, attachment: Attachment) -> AsyncIterator[bytes]:
        yield first
        claims = self._request.state.claims
        entry = Entry(claims.kind, claims.subject, family=claims.family)
        for start in range(len(first), attachment.size, PAGE_BYTES):
            async with database_of(self._request).transaction(entry) as session:
                if entered(session).rev != claims.rev:
                    raise e.InvalidToken
                page = await repository.page(session, attachment.id, start, PAGE_BYTES)
            if page is None:
                raise e.NotFound
            yield page


def disposition(name: str) -> str:
    """RFC 6266: saved, not shown; the name in ASCII for old clients, and as it is (RFC 8187)."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@sets("ETag", "Content-Disposition")
async def get_content(request: Request) -> Content:
    return Content(request)


Contents = Annotated[Content, Depends(get_content)]
