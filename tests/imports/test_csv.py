"""CSV: encodings, separators, headers, and how one cell is understood: right, or an error at its place."""

import io
import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.documents.csv import guarded, line, unguarded
from app.core.errors import Invalid, UnsupportedMediaType
from app.imports.reading import charset, csv
from tests.imports.tables import HEAD, LISTS, PLAIN, ROW, more, of_csv, one_cell, refused

TEXT = f"{HEAD}\n{ROW}\n"
CODES = (
    "external_id,name,region_code,primary_mode,investment_entity.name,investment_entity.kind,construction_content,"
    "building_stage"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_both_encodings_say_the_same(encoding: str, ending: str) -> None:
    [read] = of_csv(TEXT.replace("\n", ending).encode(encoding))
    assert (read.document, read.errors, read.cells) == (PLAIN, (), tuple(ROW.split(",")))


@pytest.mark.parametrize(
    ("body", "named", "code"),
    [
        (TEXT.encode("gb18030"), "utf-8", "charset_contradicted"),
        (TEXT.encode(), "gb18030", "charset_contradicted"),
        (TEXT.encode("utf-8-sig"), "gb18030", "charset_contradicted"),
        (TEXT.encode("utf-16"), None, "charset_unknown"),
        (TEXT.encode("big5", "ignore") + b"\xff\xff", None, "charset_unknown"),
        (TEXT.encode() + TEXT.encode("gb18030"), None, "charset_unknown"),
        # Somebody has opened UTF-8 as GBK, and saved what it looked like.
        (TEXT.encode().decode("gb18030", "replace").encode(), None, "charset_unclear"),
        # Two bytes that are a text in either encoding, under titles that are no words.
        (f"{CODES}\n{ROW}\n".encode("gb18030").replace(ROW.encode("gb18030"), b"1,\xc4\xa3"), None, "charset_unclear"),
        (TEXT.encode("shift_jis", "replace"), None, "charset_unclear"),
    ],
)
def test_an_encoding_that_is_not_certain_is_refused(body: bytes, named: str | None, code: str) -> None:
    with refused(("", code)):
        of_csv(body, named)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/csv", None),
        ("text/csv; header=present; charset=UTF-8", "utf-8"),
        ('text/csv;charset="gb2312"', "gb18030"),
        ("text/csv; charset=GBK", "gb18030"),
        ("text/csv; charset=GB_18030", "gb18030"),
    ],
)
def test_the_encoding_as_it_is_stated(content_type: str, expected: str | None) -> None:
    assert charset.stated(content_type) == expected
    with pytest.raises(UnsupportedMediaType):
        charset.stated("text/csv; charset=utf-16")


_chinese = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=30)


@given(_chinese, st.sampled_from(["utf-8", "gb18030"]), st.sampled_from([None, "utf-8", "gb18030"]))
def test_no_text_is_ever_garbled(name: str, encoding: str, named: str | None) -> None:
    text = f"{HEAD}\n{ROW.replace('草畜平衡试点（示例）', name)}\n"
    if named not in {None, encoding}:
        with refused(("", "charset_contradicted")):
            of_csv(text.encode(encoding), named)
    else:
        assert of_csv(text.encode(encoding), named)[0].document["name"] == name


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(separator: str) -> None:
    text = TEXT.replace(",", separator)
    assert [one.document for one in of_csv(text)] == [PLAIN]
    assert [one.document for one in of_csv(f"sep={separator}\r\n{text}")] == [PLAIN]


@pytest.mark.parametrize(
    ("head", "errors"),
    [
        ("", {("", "header_missing")}),
        ("\n\n\n", {("", "header_missing")}),
        ("甲,乙,丙", {("", "header_missing")}),
        (HEAD.replace(",", "|"), {("", "header_missing")}),
        (f"{HEAD},颜色", {("column:颜色", "unknown_column")}),
        (f"{HEAD},\x01", {("column:I", "unknown_column")}),
        (f"{HEAD},项目名", {("column:项目名称", "repeated_column"), ("column:项目名", "repeated_column")}),
        (f"{HEAD},中央计划", {("column:中央计划", "unit_missing")}),
        (f"{HEAD},中央计划（亩）", {("column:中央计划（亩）", "unknown_column")}),
        (f"{HEAD},援助计划（万元）", {("column:援助计划（万元）", "unknown_column")}),
        (f"{HEAD},中央（万元）", {("column:中央（万元）", "unknown_column")}),
        (f"{HEAD},2026年2027年中央计划（万元）", {("column:2026年2027年中央计划（万元）", "unknown_column")}),
        (
            "外部编号,项目名称",
            {
                (f"column:{title}", "missing_column")
                for title in ("所属地区", "主要转化模式", "投资主体", "主体类型", "建设内容", "建设阶段")
            },
        ),
        (f"{HEAD}," + "," * 2_048, {("", "too_many_columns")}),
    ],
)
def test_a_header_that_is_wrong(head: str, errors: set[tuple[str, str]]) -> None:
    with refused(*errors):
        of_csv(f"{head}\n{ROW}\n")


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("中央计划（万元）", ("central", None, "planned", 10_000)),
        ("计划 中央(元)", ("central", None, "planned", 1)),
        ("2026年专项债完成投资（万元）", ("special_bond", 2026, "done", 10_000)),
        ("专项债资金计划（亿元）（2026年度）", ("special_bond", 2026, "planned", 100_000_000)),
        ("旗县级—已完成（单位：万元）", ("county", None, "done", 10_000)),
        ("funding.bank_loan.planned", ("bank_loan", None, "planned", 1)),
        ("funding.bank_loan.2027.done", ("bank_loan", 2027, "done", 1)),
    ],
)
def test_titles_of_funding(title: str, key: tuple[str, int | None, str, int]) -> None:
    source, year, part, factor = key
    rest, errors = one_cell(title, "2")
    stated = {"source": source} | ({"year": year} if year else {})
    assert (rest, errors) == ({"funding": [{**stated, part: f"{2 * factor}.00"}]}, set())


def test_codes_may_head_the_columns() -> None:
    text = f"{CODES},expected_benefits.collective_income\n{ROW},7.50\n"
    assert more(of_csv(text)[0]) == ({"expected_benefits": {"collective_income": "7.50"}}, set())


def test_titles_and_the_unit_may_stand_above() -> None:
    text = f"重点项目报送表（示例）\n,,,单位：万元\n{HEAD},中央计划,2026年中央完成\n{ROW},3,4\n"
    funding = [
        {"source": "central", "planned": "30000.00"},
        {"source": "central", "year": 2026, "done": "40000.00"},
    ]
    assert more(of_csv(text)[0]) == ({"funding": funding}, set())


def test_a_header_of_two_rows() -> None:
    text = f"{HEAD},中央（万元）,,贷款（万元）,\n,,,,,,,,计划,完成,计划,完成\n{ROW},3,1,2,0\n"
    funding = [
        {"source": "central", "planned": "30000.00", "done": "10000.00"},
        {"source": "bank_loan", "planned": "20000.00", "done": "0.00"},
    ]
    assert more(of_csv(text)[0]) == ({"funding": funding}, set())


MONEY = "户均年增收（元）"
AMOUNTS: list[tuple[str, str, Any]] = [
    (MONEY, "１，２３４．５", "1234.50"),
    (MONEY, "￥ 1,234.5元", "1234.50"),
    (MONEY, "¥0", "0.00"),
    (MONEY, "-5", "-5.00"),
    (MONEY, "5万元", "unit_mismatch"),
    (MONEY, "1,23", "not_a_number"),
    (MONEY, "1.234.5", "not_a_number"),
    (MONEY, "1 234", "1234.00"),
    (MONEY, "一百", "not_a_number"),
    (MONEY, "1e5", "not_a_number"),
    (MONEY, "50%", "not_a_number"),
    (MONEY, "约500", "not_a_number"),
    (MONEY, "-", "not_a_number"),
    (MONEY, "NaN", "not_a_number"),
    (MONEY, "9" * 300, "not_a_number"),
    (MONEY, "9" * 30, "out_of_range"),
    (MONEY, "0.005", "too_precise"),
    (MONEY, "#REF!", "not_a_number"),
    ("集体经济年增收（万元）", "1,234.5 万元", "12345000.00"),
    ("集体经济年增收（万元）", "0.000001", "0.01"),
    ("集体经济年增收（万元）", "0.0000001", "too_precise"),
    ("集体经济年增收（万元）", "500元", "unit_mismatch"),
    ("生态修复面积（万亩）", "1.8", "18000.00"),
    ("生态修复面积（亩）", "18,000亩", "18000.00"),
    ("新增就业（人）", "39人", 39),
    ("新增就业", "３９", 39),
    ("新增就业（人）", "3.5", "not_whole"),
    ("带动农牧户（户）", "30 户", 30),
    ("带动农牧户（户）", "30人", "not_a_number"),
]
_MEMBERS = {
    "户": "household_income_increase",
    "集": "collective_income",
    "生": "restored_area_mu",
    "新": "jobs",
    "带": "households",
}


@pytest.mark.parametrize(("title", "text", "expected"), AMOUNTS)
def test_numbers(title: str, text: str, expected: Any) -> None:
    member = _MEMBERS[title[0]]
    fault = isinstance(expected, str) and expected.replace("_", "").isalpha()
    errors = {(f"/expected_benefits/{member}", expected)} if fault else set()
    assert one_cell(title, text) == ({"expected_benefits": {} if fault else {member: expected}}, errors)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01", "2026-05-01"),
        ("2026/5/1", "2026-05-01"),
        ("2026.05.01", "2026-05-01"),
        ("２０２６年５月１日", "2026-05-01"),
        ("2026 年 5 月 1 号", "2026-05-01"),
        ("20260501", "2026-05-01"),
        ("46143", "date_serial"),
        ("2026-05", "not_a_date"),
        ("2026年5月", "not_a_date"),
        ("5/1/2026", "not_a_date"),
        ("26-5-1", "not_a_date"),
        ("2026-5/1", "not_a_date"),
        ("2026-02-30", "not_a_date"),
        ("二〇二六年五月一日", "not_a_date"),
        ("2026-05-01 08:00", "not_a_date"),
        ("待定", "not_a_date"),
    ],
)
def test_dates(text: str, expected: str) -> None:
    fault = not expected[0].isdigit()
    assert one_cell("开工日期", text) == (
        {} if fault else {"starts_on": expected},
        {("/starts_on", expected)} if fault else set(),
    )


def test_lists_places_and_what_is_cleared() -> None:
    assert one_cell("其他转化模式", "生态旅游、＂生态＋＂复合产业") == (
        {"secondary_modes": ["ecological_tourism", "ecology_plus"]},
        set(),
    )
    assert one_cell("其他转化模式", "（清空）")[0] == {"secondary_modes": []}
    assert one_cell("转化方向", "生态产业化")[0] == {"axis": "ecology_to_industry"}
    assert one_cell("转化方向", "(清空)")[0] == {"axis": None}
    assert one_cell("经度,纬度", '112.05","43.5')[0] == {"location": {"type": "Point", "coordinates": [112.05, 43.5]}}
    assert one_cell("经度,纬度", '112.05","') == ({}, {("/location/coordinates/1", "required")})
    assert one_cell("经度,纬度", '112°3′","43.5') == ({}, {("/location/coordinates/0", "not_a_number")})
    assert one_cell("经度", "（清空）")[0] == {"location": None}
    assert one_cell("中央计划（元）", "（清空）")[0] == {"funding": []}
    cleared = one_cell("中央计划（元）,贷款计划（元）", '（清空）","1')
    assert cleared[1] == {("/funding", "cleared_and_stated")}
    funding = one_cell("中央计划（元）,贷款计划（元）,贷款完成（元）", '","x","1')
    assert funding == ({"funding": [{"source": "bank_loan", "done": "1.00"}]}, {("/funding/0/planned", "not_a_number")})


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("152501 二连浩特市", "152501"),
        ("锡林浩特市", "152502"),
        ("１５２５０２", "152502"),
        ("152501 锡林浩特市", None),
    ],
)
def test_regions(text: str, region: str | None) -> None:
    [read] = of_csv(TEXT.replace("152501", text))
    # What is no region of the list is refused with the row, for it cannot be a code.
    assert read.document["region_code"] == (region or text)


def test_rows_in_their_order_empty_ones_and_the_example() -> None:
    body = f"{HEAD}\n示例（本行不导入）,a,b,c,d,e,f,g\n{ROW}\n\n,,,\n　,\n{ROW}\n\n,,,,,,\n\n"
    read = of_csv(body)
    assert [one.fault for one in read] == [None, "empty_row", "empty_row", "empty_row", None]
    ragged = of_csv(f"{HEAD},中央计划（元）\n{ROW}\n{ROW},1,\n{ROW},1,x\n")
    assert [[error.code for error in one.errors] for one in ragged] == [[], [], ["cell_without_column"]]


def test_quotes_line_breaks_and_texts_that_look_like_formulas() -> None:
    for text in ('a\r\nb\n"c",;\t', "=1+1", "+5", "-5", "@x", "'=x", "''x''", "ᠮᠣᠩᠭᠣᠯ 😀", "a\u200db"):
        cells = ROW.split(",")
        cells[6] = text
        [read] = of_csv(f"{HEAD}\n".encode() + line(cells))
        assert read.document["construction_content"] == text
    # As other programs write it, without our guard.
    [read] = of_csv(f"{HEAD}\n{ROW.replace('建设内容（示例）', '=HYPERLINK(1)')}\n")
    assert read.document["construction_content"] == "=HYPERLINK(1)"
    [read] = of_csv(TEXT.replace("草畜", "草\ufffd"))
    assert [(error.pointer, error.code) for error in read.errors] == [("/name", "damaged_text")]


@given(st.text(max_size=20))
def test_a_guarded_text_is_given_back_and_runs_nowhere(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in set("=+-@\t\r＝＋－＠")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'{HEAD}\n{ROW}\nx,"y\n', ("", "malformed_csv")),
        (f'{HEAD}\n{ROW}\nx,"y"z\n', ("", "malformed_csv")),
        (f'{HEAD}\n{ROW}\nx,"{"y" * 140_000}"\n', ("", "cell_too_long")),
        (f"{HEAD}\n{ROW}\n{'y' * 1_100_000}", ("payload_too_large", "line_too_long")),
        (f"{HEAD}\n{ROW}\n" + '"\n",' * 1_100_000, ("payload_too_large", "line_too_long")),
    ],
)
def test_what_breaks_the_whole_file(body: str, expected: tuple[str, str]) -> None:
    with refused(expected):
        of_csv(body)


class _Endless(io.RawIOBase):
    """A header, and rows behind it as long as somebody reads."""

    def __init__(self, rows: int) -> None:
        self._head, self._row = TEXT.encode(), f"{ROW}\n".encode()
        self._size, self._at = len(self._head) + rows * len(self._row), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        whole = self._head + self._row * (len(buffer) // len(self._row) + 2)
        start = (
            self._at if self._at < len(self._head) else len(self._head) + (self._at - len(self._head)) % len(self._row)
        )
        piece = whole[start : start + min(len(buffer), self._size - self._at)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def test_rows_come_before_the_file_is_read_whole() -> None:
    body = _Endless(300_000)
    read = csv.rows(io.BufferedReader(body), lists=LISTS)
    assert [one.document["external_id"] for one in itertools.islice(read, 3)] == ["XL-1"] * 3
    assert body._at < 1_000_000


@given(st.binary(max_size=60), st.integers(0, 400), st.sampled_from(["utf-8", "gb18030"]))
def test_no_bytes_raise_anything_else(noise: bytes, place: int, encoding: str) -> None:
    body = TEXT.encode(encoding)
    for spoilt in (body[:place] + noise + body[place + len(noise) :], body[:place]):
        with suppress(Invalid):
            of_csv(spoilt)
