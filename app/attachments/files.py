"""What a file is, by its own bytes, and what it may be called (pure: nothing is unpacked, no HTTP).

The allow-list is what offices exchange: PDF, OFD (GB/T 33190), PNG, JPEG, DOCX, XLSX. The last two and OFD are zip
archives, told apart by the names in the archive's directory; no member of an archive is ever opened.
"""

import re
import struct
import unicodedata
from dataclasses import dataclass

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120
_MOST_MEMBERS = 10_000
_END, _MEMBER = b"PK\x05\x06", b"PK\x01\x02"
_END_BYTES, _MEMBER_BYTES, _LONGEST_COMMENT = 22, 46, 65_535
# Says nothing about a file: what clients send that do not know, and what an archive is besides its own type.
_UNSTATED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_ARCHIVE_TYPES = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"})
# Not in file names anywhere: path separators, what Windows forbids, controls, marks that turn the reading direction.
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Unseen, but part of how Mongolian is written.
_JOINERS = frozenset("\u180e\u200c\u200d")
_SPACES = re.compile(r"[^\S\u202f]+")


@dataclass(frozen=True, slots=True)
class FileType:
    """`extensions` without the dot, the usual one first; `also`: other names under which clients declare it."""

    media_type: str
    extensions: tuple[str, ...]
    also: frozenset[str] = frozenset()

    def is_contradicted_by(self, declared: str, name: str) -> bool:
        """Whether the declared media type, or the name's extension, says that it is something else."""
        stated = declared.split(";", maxsplit=1)[0].strip().lower()
        extension = extension_of(name)
        return stated not in {self.media_type, *self.also, *_UNSTATED} or extension not in {"", *self.extensions}


PDF = FileType("application/pdf", ("pdf",), frozenset({"application/x-pdf"}))
PNG = FileType("image/png", ("png",))
JPEG = FileType("image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), frozenset({"image/jpg", "image/pjpeg"}))
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = FileType(f"{_OFFICE}.wordprocessingml.document", ("docx",), _ARCHIVE_TYPES)
XLSX = FileType(f"{_OFFICE}.spreadsheetml.sheet", ("xlsx",), _ARCHIVE_TYPES)
OFD = FileType("application/ofd", ("ofd",), _ARCHIVE_TYPES | {"application/vnd.ofd", "application/x-ofd"})
TYPES = (PDF, OFD, PNG, JPEG, DOCX, XLSX)


def type_of(content: bytes) -> FileType | None:
    """What the bytes are, or None for anything that is not on the list (a plain archive, macros, scripts, …)."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"PK\x03\x04"):
        return _archive_type(members(content))
    return None


def _archive_type(names: frozenset[str]) -> FileType | None:
    found = [
        kind
        for kind, marks in (
            (DOCX, {"[Content_Types].xml", "word/document.xml"}),
            (XLSX, {"[Content_Types].xml", "xl/workbook.xml"}),
            (OFD, {"OFD.xml"}),
        )
        if marks <= names
    ]
    has_macros = any(name.rsplit("/", 1)[-1].lower() == "vbaproject.bin" for name in names)
    return found[0] if len(found) == 1 and not has_macros else None


def members(content: bytes) -> frozenset[str]:
    """The names in a zip archive's central directory; none where it is damaged, or larger than a document's."""
    end = content.rfind(_END, max(0, len(content) - _END_BYTES - _LONGEST_COMMENT))
    if end < 0 or len(content) - end < _END_BYTES:
        return frozenset()
    disk, first_disk, here, count, size, position, comment = struct.unpack_from("<4xHHHHIIH", content, end)
    whole = disk == first_disk == 0 and here == count and end + _END_BYTES + comment == len(content)
    stop = position + size
    if not whole or count > _MOST_MEMBERS or stop > end:
        return frozenset()
    names = set()
    for _ in range(count):
        if content[position : position + 4] != _MEMBER or position + _MEMBER_BYTES > stop:
            return frozenset()
        name, extra, note = struct.unpack_from("<HHH", content, position + 28)
        start = position + _MEMBER_BYTES
        names.add(content[start : start + name].decode("utf-8", "replace"))
        position = start + name + extra + note
    return frozenset(names) if position == stop else frozenset()


def extension_of(name: str) -> str:
    """In lower case, without the dot; empty where there is none."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem and re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,10}", extension) else ""


def clean_name(sent: str) -> str:
    """The file's own name: no path, nothing unseen, at most `MAX_NAME` characters with its extension kept."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", sent))[-1]
    seen = "".join(char for char in last if char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    name = _SPACES.sub(" ", _FORBIDDEN.sub("_", seen)).strip(". ")
    extension = extension_of(name)
    if not extension:
        return name[:MAX_NAME].rstrip(". ")
    stem = name[: -len(extension) - 1]
    return f"{stem[: MAX_NAME - len(extension) - 1].rstrip('. ')}.{extension}"


def named(sent: str, kind: FileType) -> str:
    """The name to keep: cleaned, with the type's extension where it has none, and never empty."""
    name = clean_name(sent)
    if extension_of(name):
        return name
    usual = kind.extensions[0]
    return f"{name[: MAX_NAME - len(usual) - 1].rstrip('. ') or 'attachment'}.{usual}"
