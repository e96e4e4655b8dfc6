"""An upload's parts, read before the session opens: a slow line must hold no transaction and no lock.

What is wrong with the parts waits for its turn in the order of refusals. Memory is bounded: a file rests in a
temporary file while it arrives, and only so many requests at a time take one into memory to store it.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import IO

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from app.attachments.files import MAX_BYTES
from app.attachments.rules import UPLOADING
from app.core import errors as e

MULTIPART = "multipart/form-data"
# The file, and generously what stands around it.
MAX_BODY_BYTES = MAX_BYTES + 64 * 1024
STORED_AT_ONCE = 4
MALFORMED = e.FieldError("", "malformed_multipart")
_MOST_FIELDS, _LONGEST_FIELD = 8, 4 * 1024
_BOUNDARY = re.compile(r""";\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One file part. `size` and `sha256` are of its bytes; `declared` is the media type that its sender states."""

    name: str
    declared: str
    size: int
    sha256: str
    file: IO[bytes]

    async def content(self) -> bytes:
        await asyncio.to_thread(self.file.seek, 0)
        return await asyncio.to_thread(self.file.read)


@dataclass(frozen=True, slots=True)
class Received:
    """The parts: text by name, and the file. `faults`: what is wrong with them, so far as no value is looked at."""

    fields: dict[str, str] = field(default_factory=dict)
    file: ReceivedFile | None = None
    faults: tuple[e.FieldError, ...] = ()

    def digest(self) -> str:
        """Of what was sent, whatever the boundary: a client that repeats a request writes another one."""
        file = (self.file.name, self.file.declared, self.file.sha256) if self.file else None
        stated = [sorted(self.fields.items()), file, [(fault.pointer, fault.code) for fault in self.faults]]
        return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


class _Parser(MultiPartParser):
    """The framework's, which takes no body whose closing boundary never came."""

    ended = False

    def __init__(self, boundary: str, chunks: AsyncIterator[bytes]) -> None:
        # Of the sender's header the boundary alone counts: a charset of its choice decides about nothing.
        headers = Headers({"content-type": f'{MULTIPART}; boundary="{boundary}"'})
        whole = self._whole(chunks)
        super().__init__(headers, whole, max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD)

    def on_end(self) -> None:
        self.ended = True

    async def _whole(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            yield chunk
        if not self.ended:
            raise MultiPartException("cut off")


async def receive(request: Request) -> AsyncIterator[None]:
    """For a route's `dependencies`: leaves the parts in the state, and holds a place among those that store.

    A token that may upload nothing is refused in its turn, and nothing of its body is read.
    """
    if request.state.claims.scopes.isdisjoint(UPLOADING):
        yield
        return
    received = await _read(request)
    request.state.received = received
    request.state.body_hash = received.digest()
    try:
        async with request.app.state.upload_slots:
            yield
    finally:
        if received.file is not None:
            received.file.file.close()


async def _read(request: Request) -> Received:
    stated = _BOUNDARY.search(request.headers.get("content-type", ""))
    if stated is None:
        return Received(faults=(MALFORMED,))
    try:
        form = await _Parser(stated[1] or stated[2], request.stream()).parse()
    except ClientDisconnect as gone:
        raise e.BadRequest from gone
    except (MultiPartException, ValueError):
        return Received(faults=(MALFORMED,))
    return await _sorted_out(form.multi_items())


async def _sorted_out(parts: list[tuple[str, UploadFile | str]]) -> Received:
    fields: dict[str, str] = {}
    file: ReceivedFile | None = None
    faults: dict[e.FieldError, None] = {}
    for name, value in parts:
        # `/` and `~` as in any JSON pointer; a long name is cut to what the schema of errors allows.
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")[:400]
        if name in fields:
            faults[e.FieldError(pointer, "duplicate")] = None
        elif isinstance(value, str):
            fields[name] = value
        elif name != "file":
            await value.close()
            faults[e.FieldError(pointer, "unknown_field")] = None
        else:
            file = await _measured(value)
    if "file" in fields:
        faults[e.FieldError("/file", "wrong_type")] = None
    elif file is None:
        faults[e.FieldError("/file", "required")] = None
    elif not file.size:
        faults[e.FieldError("/file", "empty_file")] = None
    return Received({name: value for name, value in fields.items() if name != "file"}, file, tuple(faults))


async def _measured(part: UploadFile) -> ReceivedFile:
    def measure() -> tuple[int, str]:
        part.file.seek(0)
        digest = hashlib.sha256()
        while block := part.file.read(1024 * 1024):
            digest.update(block)
        return part.file.tell(), digest.hexdigest()

    size, sha256 = await asyncio.to_thread(measure)
    return ReceivedFile(part.filename or "", part.content_type or "", size, sha256, part.file)
