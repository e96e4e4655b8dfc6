"""Real-life mess, sent as files to a server of its own process: each comes out right or as a clear error, and no
answer is a 500. What a reader makes of every kind of cell is tested beside it; here is what a sender gets.
"""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from httpx import AsyncClient, Response

from app.core.config import Settings
from tests.ground import FrozenClock
from tests.imports.pushing import PUSH, REGIONS, counts, faults, ndjson, rows_of
from tests.imports.serving import served
from tests.imports.tables import HEAD, ROW, row, table
from tests.imports.test_xlsx import bomb, rezipped
from tests.world import World

NDJSON, CSV = "application/x-ndjson", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BENEFIT = "新增就业（人）"
TITLES, CELLS = f"{HEAD},{BENEFIT}", f"{ROW},5"
MEGABYTE = 1024 * 1024
# What is expected: the counters, or status and code (of the first error, else the reason).
Expected = dict[str, int] | tuple[int, str]


def in_json(sample: bytes) -> Iterator[tuple[str, bytes, Expected]]:
    [plain, *_] = rows_of(sample)

    def one(number: int, **changed: Any) -> dict[str, Any]:
        return {**plain, "external_id": f"J-{number}", **changed}

    def money(planned: Any) -> dict[str, Any]:
        return {"funding": [{"source": "central", "planned": planned, "done": "0"}]}

    yield "byte order mark", b"\xef\xbb\xbf" + ndjson([one(1)]), {"created": 1}
    yield "emoji, Mongolian script", ndjson([one(2, name="ᠮᠣᠩᠭᠣᠯ 😀（示例）")]), {"created": 1}
    yield "NUL", ndjson([one(3, name="a\0b")]), {"rejected": 1}
    yield "a bare NUL", ndjson([one(4)]) + b"\0\n" + ndjson([one(5)]), {"created": 2, "rejected": 1}
    yield "half a character", ndjson([one(6)]).replace(b'"name": "', b'"name": "\\ud800'), {"rejected": 1}
    yield "GBK for UTF-8", ndjson([one(7)]).decode().encode("gb18030"), {"rejected": 1}
    yield "万元 as text", ndjson([one(8, **money("889万元"))]), {"rejected": 1}
    yield "full-width digits", ndjson([one(9, **money("８８９"))]), {"rejected": 1}
    yield "a serial number for a date", ndjson([one(10, starts_on=46143)]), {"rejected": 1}
    yield "a formula is text", ndjson([one(11, construction_content="=cmd|'/C calc'!A0")]), {"created": 1}
    yield "an id twice", ndjson([one(12), one(12)]), {"created": 1, "rejected": 1}
    yield "trailing empty lines", ndjson([one(13)]) + b"\n\r\n  \n\n", {"created": 1}
    yield "no number", ndjson([one(14)]).replace(b'"jobs": 39', b'"jobs": NaN'), {"rejected": 1}
    yield "nested", b"[" * 100_000 + b"\n" + ndjson([one(15)]), {"created": 1, "rejected": 1}
    yield "not JSON at all", b"hello\n", {"rejected": 1}
    yield "nothing", b"", (422, "too_few")


def in_csv() -> Iterator[tuple[str, bytes, Expected]]:
    def file(*lines: str, encoding: str = "utf-8") -> bytes:
        return "\r\n".join([TITLES, *lines, ""]).encode(encoding)

    def one(number: int, text: str = CELLS) -> str:
        return text.replace("XL-1,", f"C-{number},")

    garbled = file(one(2)).decode("gb18030", "replace").encode()
    yield "byte order mark", file(one(1), encoding="utf-8-sig"), {"created": 1}
    yield "UTF-8 taken for GBK and saved", garbled, (422, "charset_unclear")
    yield "GBK", file(one(3), encoding="gb18030"), {"created": 1}
    yield "half of it GBK", file(one(4)) + one(5).encode("gb18030"), (422, "charset_unknown")
    yield "emoji, Mongolian script", file(one(6).replace("试点", "ᠮᠣᠩᠭᠣᠯ😀")), {"created": 1}
    yield "NUL", file(one(7).replace("试点", "\0")), {"rejected": 1}
    yield "full-width digits", file(one(8).replace(",5", ",５").replace("152501", "１５２５０１")), {"created": 1}
    yield "万元 as text", money_csv(9, "1,234.5 万元"), {"created": 1}
    yield "元 under 万元", money_csv(10, "5元"), {"rejected": 1}
    yield "an id twice", file(one(11), one(11)), {"created": 1, "rejected": 1}
    yield "trailing empty rows", file(one(12), *[",,,,,,,,"] * 2000), {"created": 1}
    yield "a quotation mark never closed", file('"' + one(13)), (422, "malformed_csv")
    yield "a formula is text", file(one(14).replace("建设内容", "=1+1")), {"created": 1}
    yield "nothing", b"", (422, "header_missing")


def money_csv(number: int, planned: str) -> bytes:
    head = f"{TITLES},中央计划（万元）,中央完成（万元）"
    return f'{head}\n{CELLS.replace("XL-1,", f"C-{number},")},"{planned}",0\n'.encode()


def in_workbooks() -> Iterator[tuple[str, bytes, Expected]]:
    def file(number: int, *more: Any, titles: str = TITLES, **changed: Any) -> bytes:
        cells = [f"X-{number}", *row(ROW)[1:], 5, *more]
        for title, cell in changed.items():
            cells[row(TITLES).index(title)] = cell
        return table(row(titles), cells, *[[""] * 9] * 3)

    yield "plain", file(1), {"created": 1}
    yield "emoji, Mongolian script", file(2, 项目名称="ᠮᠣᠩᠭᠣᠯ😀"), {"created": 1}
    yield "a bomb", bomb(None), (413, "workbook_too_large")
    yield "a bomb that says it is small", bomb(1_000), (422, "damaged_workbook")
    yield "no workbook", b"hello", (422, "not_a_workbook")
    yield "an old or encrypted one", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, (422, "old_workbook")
    yield "half of one", file(3)[:2000], (422, "damaged_workbook")
    # A workbook says from when its days are counted.
    yield "a serial number for a date", file(4, 46143, titles=f"{TITLES},开工日期"), {"created": 1}
    yield (
        "万元 as text",
        file(5, "1,234.5 万元", "０", titles=f"{TITLES},中央计划（万元）,中央完成（万元）"),
        {"created": 1},
    )
    yield "an id twice", table(row(TITLES), *[["X-6", *row(ROW)[1:], 5]] * 2), {"created": 1, "rejected": 1}
    yield "a formula that was never computed", uncomputed(file(7)), {"rejected": 1}
    yield "a CSV named as one", f"{TITLES}\n{CELLS}\n".encode(), (422, "not_a_workbook")


def uncomputed(body: bytes) -> bytes:
    """The row's last cell, a formula without a value."""

    def change(name: str, part: bytes) -> bytes:
        before, cell, after = part.rpartition(b"<v>5</v>")
        return before + b"<f>2+3</f>" + after if cell and name.endswith("sheet1.xml") else part

    return rezipped(body, change)


def verdict(answer: Response) -> Expected:
    """In the manner of what is expected; and what every answer owes its reader."""
    told = answer.json()
    if answer.status_code == 200:
        assert sum(counts(told).values()) == told["total"] == len(told["rows"])
        for one in told["rows"]:
            assert bool(one["errors"]) == (one["action"] == "rejected")
            assert all(error["detail"] for error in one["errors"])
            assert len(faults(one)) == len(one["errors"])
        return counts(told)
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(error["detail"] for error in told.get("errors", ()))
    return answer.status_code, told["errors"][0]["code"] if "errors" in told else told["reason"]


async def test_each_is_right_or_a_clear_error(
    world: World, settings: Settings, clock: FrozenClock, sample: bytes
) -> None:
    machine = await world.machine(*REGIONS)
    clock.advance(seconds=time.time() - clock.now().timestamp())
    headers = {"Authorization": f"Bearer {await world.renew(machine)}"}
    found: dict[tuple[str, str], Expected] = {}
    expected: dict[tuple[str, str], Expected] = {}
    async with served(settings) as server, AsyncClient(base_url=server.base, headers=headers, timeout=120) as client:
        # One line of 200 MB between two rows, made as it is sent. The server holds no such thing in memory.
        first, second = ndjson(rows_of(sample)[:1]), ndjson(rows_of(sample)[1:2])

        async def long_line() -> AsyncIterator[bytes]:
            yield first + b'{"name": "'
            for _ in range(200):
                yield b"x" * MEGABYTE
            yield b'"}\n' + second

        server.forget_peak()
        before = server.memory()
        kind = {"Content-Type": NDJSON, "Idempotency-Key": uuid4().hex}
        answer = await client.post(PUSH, content=long_line(), headers=kind)
        assert verdict(answer) == {"created": 2, "rejected": 1}
        assert faults(answer.json()["rows"][1]) == {("", "too_long")}
        assert server.memory() - before < 60 * MEGABYTE
        print(f"a line of 200 MB: {(server.memory() - before) / MEGABYTE:.1f} MB more at most")

        for media_type, cases in ((NDJSON, in_json(sample)), (CSV, in_csv()), (XLSX, in_workbooks())):
            for name, body, outcome in cases:
                kind = {"Content-Type": media_type, "Idempotency-Key": uuid4().hex}
                answer = await client.post(PUSH, content=body, headers=kind)
                expected[media_type, name] = outcome
                found[media_type, name] = verdict(answer)
        assert {key: found[key] for key in found if found[key] != expected[key]} == {}
