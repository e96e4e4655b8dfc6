"""ETag, If-Match and If-None-Match: `"version.hash"`, the hash being of what this very viewer gets.

`If-Match` compares the version part only (a viewer's own rights must not make an edit fail);
`If-None-Match` compares the whole, so a change of what the viewer may see is never a 304.
"""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.core import errors as e
from app.core.routing import answers, sets

_TAG = re.compile(r'"(\d{1,9})\.[0-9a-f]{16}"')


class Reply:
    """Renders a resource: body, ETag, Location, 304. One per request."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __call__(
        self, model: BaseModel, *, version: int = 1, location: str | None = None, created: bool = False
    ) -> Response:
        """`location` is where GET shows the same representation; the idempotency record keeps it."""
        body = model.model_dump_json().encode()
        tag = f'"{version}.{hashlib.sha256(body).hexdigest()[:16]}"'
        self.request.state.location = location or self.request.url.path
        headers = {"ETag": tag}
        if self.request.method == "GET" and _listed(self.request.headers.get("if-none-match")) & {tag, "*"}:
            return Response(status_code=304, headers=headers)
        if created:
            headers["Location"] = self.request.state.location
        return Response(body, status_code=201 if created else 200, headers=headers, media_type="application/json")

    def asked(self, *, location: str) -> Response:
        """202 for what the worker will do: `location` is where its effect shows, to be looked at a little later."""
        answer = self.without_content(202, location=location)
        answer.headers.update({"Location": location, "Retry-After": "1"})
        return answer

    def without_content(self, status: int, *, location: str) -> Response:
        """202 for what is taken without more words, 204 for what left nothing that the caller may see. Repeating the
        key asks for `location` again, as the caller may see it then."""
        self.request.state.location = location
        self.request.state.answered_with = status
        return Response(status_code=status)


def _listed(header: str | None) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in (header or "").split(",")}


@sets("ETag")
async def get_reply(request: Request) -> Reply:
    return Reply(request)


Replies = Annotated[Reply, Depends(get_reply)]


class Precondition:
    """The version that the caller saw. Checked after existence and state, before the payload."""

    def __init__(self, header: str | None) -> None:
        self.header = header

    def check(self, version: int) -> None:
        """Raises `PreconditionRequired` without a header, `PreconditionFailed` for any other version."""
        if self.header is None:
            raise e.PreconditionRequired
        tags = [tag.strip() for tag in self.header.split(",")]
        matches = [_TAG.fullmatch(tag) for tag in tags]
        if not any(match is not None and int(match[1]) == version for match in matches):
            raise e.PreconditionFailed


@answers(e.PRECONDITION_REQUIRED, e.PRECONDITION_FAILED)
async def get_precondition(
    if_match: Annotated[
        # Documented, not validated by the framework: what is too long matches nothing, in its turn.
        Annotated[str, Field(json_schema_extra={"maxLength": 400})] | None,
        Header(
            description='The ETag of the representation that you changed (`"version.hash"`). Required; `*` and weak '
            "tags match nothing (412), for they do not say what you saw.",
            examples=['"3.9f86d081884c7d65"'],
        ),
    ] = None,
) -> Precondition:
    return Precondition(if_match)


IfMatch = Annotated[Precondition, Depends(get_precondition)]
