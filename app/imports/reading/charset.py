"""Which encoding a text is in: stated and true, or told by the bytes with certainty, or refused.

Chinese in UTF-8 often decodes as GB 18030 without an error, and then says something else: both are always tried.
"""

import codecs
from dataclasses import dataclass
from typing import IO

from app.core.errors import FieldError, Invalid, Reason, UnsupportedMediaType

UTF_8, GB18030 = "utf-8", "gb18030"
_NAMES = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), UTF_8),
    # GB 18030 holds the older ones whole.
    **dict.fromkeys(("gb18030", "gb-18030", "gbk", "cp936", "gb2312", "gb-2312"), GB18030),
}
CHARSETS = frozenset(_NAMES)
_BOMS = {UTF_8: codecs.BOM_UTF8, GB18030: b"\x84\x31\x95\x33"}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHUNK = 64 * 1024

CHARSET_REFUSED = Reason(
    "charset_refused", "只接受 UTF-8 和 GB 18030 编码", "Only the encodings UTF-8 and GB 18030 are taken"
)


@dataclass(frozen=True, slots=True)
class Charset:
    """`start`: where the text begins, behind a byte order mark. `certain`: settled by the bytes or the sender; else
    Chinese titles in the header have to settle it, which in one of the two encodings alone are what they are."""

    name: str
    start: int
    certain: bool


def stated(content_type: str) -> str | None:
    """The charset that a Content-Type names, as one of ours; None where it names none. Raises
    `UnsupportedMediaType` for any other."""
    found = None
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            found = _NAMES.get(value.strip(" \t\"'").lower().replace("_", "-"))
            if found is None:
                raise UnsupportedMediaType(CHARSET_REFUSED)
    return found


def of(body: IO[bytes], named: str | None) -> Charset:
    """The encoding of the whole body; `named` by the sender, or None. Raises `Invalid`."""
    body.seek(0)
    head = body.read(4)
    if head.startswith(_UTF_16):
        raise Invalid(FieldError("", "charset_unknown"))
    for name, mark in _BOMS.items():
        if head.startswith(mark):
            if named not in {None, name} or not _valid(body, len(mark))[name]:
                raise Invalid(FieldError("", "charset_contradicted"))
            return Charset(name, len(mark), certain=True)
    valid = _valid(body, 0)
    if valid["ascii"]:
        return Charset(UTF_8, 0, certain=True)
    if named is not None:
        # Whole UTF-8 is not GB 18030 by chance, and never where it has a header of ours.
        if not valid[named] or (named == GB18030 and valid[UTF_8]):
            raise Invalid(FieldError("", "charset_contradicted"))
        return Charset(named, 0, certain=True)
    if valid[UTF_8]:
        return Charset(UTF_8, 0, certain=not valid[GB18030])
    if valid[GB18030]:
        return Charset(GB18030, 0, certain=False)
    raise Invalid(FieldError("", "charset_unknown"))


def _valid(body: IO[bytes], start: int) -> dict[str, bool]:
    """In which encodings the bytes from `start` make a text."""
    body.seek(start)
    decoders = {name: codecs.getincrementaldecoder(name)() for name in (UTF_8, GB18030, "ascii")}
    alive = dict.fromkeys(decoders, True)
    final = False
    while not final and any(alive.values()):
        chunk = body.read(_CHUNK)
        final = not chunk
        for name, decoder in decoders.items():
            if alive[name]:
                try:
                    decoder.decode(chunk, final)
                except UnicodeDecodeError:
                    alive[name] = False
    return alive
