"""What a file is, and what it may be called: pure rules."""

import io
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments import files
from tests.attachments.samples import ACCEPTED, DOCX, OFD, PDF, REFUSED, archive


@pytest.mark.parametrize("extension", ACCEPTED)
def test_accepted(extension: str) -> None:
    content, media_type = ACCEPTED[extension]
    kind = files.type_of(content)
    assert kind is not None
    assert (kind.media_type, kind.extensions[0]) == (media_type, extension)


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    assert files.type_of(REFUSED[what]) is None


@given(st.binary(max_size=400))
def test_no_bytes_are_too_strange(tail: bytes) -> None:
    for head in (b"", b"PK\x03\x04", DOCX[:-20], OFD):
        files.type_of(head + tail)


@given(st.data())
def test_a_damaged_archive_is_refused_or_read_as_before(data: st.DataObject) -> None:
    damaged = bytearray(DOCX)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    files.type_of(bytes(damaged))


@given(st.lists(st.text(min_size=1, max_size=30).filter(lambda name: "\0" not in name), unique=True, max_size=20))
def test_the_directory_is_read_as_the_library_reads_it(names: list[str]) -> None:
    names = [name for name in names if name.isascii() and not name.endswith("/")]
    packed = archive(*names)
    with zipfile.ZipFile(io.BytesIO(packed)) as read:
        assert files.members(packed) == set(read.namelist())


def test_a_directory_larger_than_any_documents_is_not_walked() -> None:
    assert len(files.members(archive(*(f"{n}.xml" for n in range(10_000))))) == 10_000
    assert files.members(archive(*(f"{n}.xml" for n in range(10_001)))) == frozenset()


def test_an_archive_that_unpacks_to_much_is_never_unpacked() -> None:
    bomb = archive("[Content_Types].xml", "word/document.xml", content=b"\0" * 50_000_000)
    assert len(bomb) < 200_000
    assert files.type_of(bomb) == files.DOCX


@pytest.mark.parametrize(
    ("declared", "name", "contradicted"),
    [
        ("application/pdf", "a.pdf", False),
        ("APPLICATION/PDF; x=y", "a.PDF", False),
        ("", "a", False),
        ("application/octet-stream", "a.pdf", False),
        ("application/x-pdf", "报告.pdf", False),
        ("image/png", "a.pdf", True),
        ("application/pdf", "a.exe", True),
        ("application/pdf", "a.pdf.html", True),
        ("text/html", "a", True),
    ],
)
def test_contradictions(declared: str, name: str, contradicted: bool) -> None:
    assert files.PDF.is_contradicted_by(declared, name) is contradicted


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("报告.pdf", "报告.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\某人\\报告 .pdf", "报告.pdf"),
        ("/abs/olute", "olute.pdf"),
        ("a\x00b\r\nc.pdf", "abc.pdf"),
        ("harmless\u202efdp.exe.pdf", "harmlessfdp.exe.pdf"),
        ('a"b<c>|?*:.pdf', "a_b_c_____.pdf"),
        ("", "attachment.pdf"),
        ("...", "attachment.pdf"),
        (".pdf", "pdf.pdf"),
        ("第1稿.2026", "第1稿.2026.pdf"),
        ("é.pdf", unicodedata.normalize("NFC", "é") + ".pdf"),
        ("ᠮᠣᠩᠭᠣᠯ\u202fᠤᠨ.pdf", "ᠮᠣᠩᠭᠣᠯ\u202fᠤᠨ.pdf"),
        ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
    ],
)
def test_names(sent: str, kept: str) -> None:
    assert files.named(files.clean_name(sent), files.PDF) == kept


@given(st.text(max_size=300))
def test_a_kept_name_is_harmless(sent: str) -> None:
    name = files.named(files.clean_name(sent), files.type_of(PDF) or files.PDF)
    assert 3 <= len(name) <= files.MAX_NAME
    assert not set(name) & set('/\\<>:"|?*\0\r\n\u202e')
    assert files.clean_name(name) == name
    assert "." in name
