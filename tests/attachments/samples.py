"""Files of every kind that is taken, as small as they can be, and some that are not."""

import io
import zipfile

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def archive(*names: str, content: bytes = b"<x/>") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, content)
    return made.getvalue()


DOCX = archive("[Content_Types].xml", "_rels/.rels", "word/document.xml")
XLSX = archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml")
OFD = archive("OFD.xml", "Doc_0/Document.xml")
ACCEPTED = {
    "pdf": (PDF, "application/pdf"),
    "ofd": (OFD, "application/ofd"),
    "png": (PNG, "image/png"),
    "jpg": (JPEG, "image/jpeg"),
    "docx": (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xlsx": (XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
REFUSED = {
    "plain archive": archive("notes.txt"),
    "archive with macros": archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "two documents in one": archive("[Content_Types].xml", "word/document.xml", "xl/workbook.xml"),
    "empty archive": archive(),
    "cut archive": DOCX[:-30],
    "archive with a tail": DOCX + b"tail",
    "page": b"<!doctype html><script>alert(1)</script>",
    "script": b"#!/bin/sh\nrm -rf /\n",
    "drawing": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "text": "普通文字（示例）".encode(),
    "old office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "program": b"MZ" + b"\0" * 200,
    "one byte": b"P",
    "signature alone": b"PK\x03\x04",
}
