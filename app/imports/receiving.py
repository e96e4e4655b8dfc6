"""A push's body, received before the session opens: a slow line must hold no transaction and no lock.

It rests in a temporary file, unpacked, whatever its size: memory does not grow with it. What is wrong with it waits
for its turn in the order of refusals.
"""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.core import errors as e
from app.imports.reading import LARGEST, MEDIA_TYPES
from app.imports.reading.charset import CHARSETS, UTF_8, stated
from app.imports.reading.formats import TABLES
from app.imports.rules import PUSH

MAX_BODY_BYTES = max(LARGEST.values())
# What a compressed body may unpack to: more than the largest plain one would be a bomb.
_IN_MEMORY = 1024 * 1024
_PIECE = 256 * 1024
MALFORMED_GZIP = e.FieldError("", "malformed_gzip")


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """`content_type` as it was stated; `sha256` is of the bytes as sent.

    `fault`: why there is nothing to read, for its turn.
    """

    media_type: str
    content_type: str
    file: BinaryIO
    sha256: str
    fault: e.FieldError | None = None


def receiver(scope: str) -> Callable[[Request], AsyncIterator[None]]:
    """For a route's `dependencies`: leaves the body in the state. A token without the scope is refused in its turn,
    and nothing of its body is read.
    """

    async def receive(request: Request) -> AsyncIterator[None]:
        if scope not in request.state.claims.scopes:
            yield
            return
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            received = await _read(request, cast("BinaryIO", file))
            request.state.received = received
            request.state.body_hash = received.sha256
            yield

    return receive


receive = receiver(PUSH)


async def _read(request: Request, file: BinaryIO) -> ReceivedBody:
    content_type = request.headers.get("content-type", "")
    media_type = content_type.split(";")[0].strip().lower()
    limit = LARGEST.get(media_type, 0)
    packed = request.headers.get("content-encoding", "").strip().lower() == "gzip"
    unpacker = zlib.decompressobj(wbits=31) if packed else None
    digest, size, fault = hashlib.sha256(), 0, None
    try:
        async for chunk in request.stream():
            digest.update(chunk)
            if fault is not None:
                continue
            rest = chunk
            while rest:
                piece, rest, fault = _unpacked(unpacker, rest)
                size += len(piece)
                if size > limit:
                    raise e.PayloadTooLarge
                # Small bodies stay in memory; a large one goes to disk, beside the loop.
                await (asyncio.to_thread(file.write, piece) if size > _IN_MEMORY else _written(file, piece))
    except ClientDisconnect as gone:
        raise e.BadRequest from gone
    if unpacker is not None and not unpacker.eof:
        fault = MALFORMED_GZIP
    file.seek(0)
    return ReceivedBody(media_type, content_type, file, digest.hexdigest(), fault)


async def _written(file: BinaryIO, piece: bytes) -> None:
    file.write(piece)


def _unpacked(unpacker: "zlib._Decompress | None", chunk: bytes) -> tuple[bytes, bytes, e.FieldError | None]:
    """A piece of bounded size, what is left of the chunk, and whether it was no gzip."""
    if unpacker is None:
        return chunk, b"", None
    if unpacker.eof:
        # Something after the end: several members, or rubbish. Nothing that is sent is ignored.
        return b"", b"", MALFORMED_GZIP
    try:
        piece = unpacker.decompress(chunk, _PIECE)
    except zlib.error:
        return b"", b"", MALFORMED_GZIP
    rest = unpacker.unconsumed_tail or unpacker.unused_data
    return piece, rest, None


class PushedBody:
    """The received body. Its media types are checked with the route's, before the caller."""

    media_types = MEDIA_TYPES
    max_body_bytes = MAX_BODY_BYTES
    encodings = frozenset({"gzip"})
    # A table states its own, which its reader holds it to.
    charsets = CHARSETS
    problems = (e.PAYLOAD_TOO_LARGE, e.UNSUPPORTED_MEDIA_TYPE)

    async def __call__(self, request: Request) -> ReceivedBody:
        received: ReceivedBody = request.state.received
        if received.media_type not in self.media_types:
            raise e.UnsupportedMediaType(headers={"Accept": ", ".join(sorted(self.media_types))})
        if received.media_type not in TABLES and stated(received.content_type) not in {None, UTF_8}:
            # JSON is UTF-8, whatever else a route takes.
            raise e.UnsupportedMediaType
        if received.fault is not None:
            raise e.Invalid(received.fault)
        return received
