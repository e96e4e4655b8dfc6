"""Answers that are files."""

from collections.abc import Iterator
from typing import IO, Any

from fastapi import Depends
from starlette.responses import Response, StreamingResponse

from app.attachments.content import disposition
from app.core.routing import sets

_CHUNK = 64 * 1024


def of_file(media_type: str, description: str) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of such an answer."""
    return {
        200: {"description": description, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
    }


def file_response(file: IO[bytes], media_type: str, name: str) -> Response:
    """A finished file, sent in pieces and closed."""
    size = file.seek(0, 2)
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_CHUNK):
                yield piece

    headers = {"Content-Disposition": disposition(name), "Content-Length": str(size)}
    return StreamingResponse(pieces(), media_type=media_type, headers=headers)


@sets("Content-Disposition")
async def named_file() -> None:
    """Says that the route's answer is a file with a name."""


AsFile = Depends(named_file)
