"""What offices really send: each case comes out right, or as a clear error, and never as a 500."""

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.errors import FIELD_CODES, FieldError
from app.core.problems import field_errors
from app.imports import repository
from app.imports.reading import csv, xlsx
from app.imports.reading import table as tables
from app.imports.reading.columns import Lists
from app.imports.reading.rows import Line
from app.imports.rules import vocabulary
from app.imports.schemas import ProjectRow
from tests.imports.pushing import REGIONS, counts, receipt, rows_of
from tests.imports.tables import (
    HEAD,
    LISTS,
    ROW,
    as_csv,
    as_xlsx,
    documents,
    of_csv,
    of_xlsx,
    refused,
    row,
    table,
)
from tests.imports.test_xlsx import bomb
from tests.world import World

VOCABULARY = vocabulary(LISTS.modes.items(), LISTS.sources.items(), LISTS.regions)
BENEFIT = "新增就业（人）"


def verdict(line: Line) -> set[tuple[str, str]]:
    """All that is wrong with a row, as the receipt would tell it."""
    if line.fault is not None:
        return {("", line.fault)}
    found: list[FieldError] = []
    try:
        ProjectRow.model_validate(line.document, context=VOCABULARY)
    except ValidationError as error:
        found = field_errors([dict(one) for one in error.errors()], base=("row",))
    told = tables.together(line, found)
    for one in told:
        assert all(one.words(language) for language in ("zh", "en"))
    return {(one.pointer, one.code) for one in told}


def cells(**changed: str) -> str:
    known = dict(zip(HEAD.split(","), ROW.split(","), strict=True))
    return ",".join(f'"{value}"' for value in {**known, **changed}.values())


MESS: list[tuple[str, str, set[tuple[str, str]]]] = [
    ("plain", cells(), set()),
    ("emoji, Mongolian", cells(项目名称="ᠮᠣᠩᠭᠣᠯ 😀（示例）"), set()),
    ("NUL", cells(项目名称="a\x00b"), {("/name", "invalid_format")}),
    ("garbled", cells(项目名称="锟斤拷锟斤拷"), {("/name", "damaged_text")}),
    ("a formula", cells(建设内容='=cmd|"" /C calc""!A0'), set()),
    ("full width code", cells(所属地区="１５２５０１"), set()),
    ("another region", cells(所属地区="152599"), {("/region_code", "outside_regions")}),
    ("no region at all", cells(所属地区="不知道"), {("/region_code", "invalid_format")}),
    ("quotes and width", cells(主要转化模式="＂生态＋＂复合产业"), set()),
    ("unknown mode", cells(主要转化模式="生态魔法"), {("/primary_mode", "invalid_choice")}),
    ("unknown kind", cells(主体类型="公司"), {("/investment_entity/kind", "invalid_choice")}),
    (
        "missing cells",
        cells(项目名称="", 投资主体=""),
        {("/name", "required"), ("/investment_entity/name", "required")},
    ),
    ("too long", cells(项目名称="长" * 201), {("/name", "too_long")}),
    ("spaces", cells(项目名称="\u3000 名称（示例）\u3000"), set()),
]


@pytest.mark.parametrize(("text", "expected"), [one[1:] for one in MESS], ids=[one[0] for one in MESS])
def test_a_row(text: str, expected: set[tuple[str, str]]) -> None:
    for encoding in ("utf-8-sig", "gb18030"):
        [line] = of_csv(f"{HEAD},{BENEFIT}\r\n{text},5\r\n\r\n,,,\r\n".encode(encoding, "surrogatepass"))
        assert verdict(line) == expected


MONEY = "中央计划（万元）,中央完成（万元）"


@pytest.mark.parametrize(
    ("planned", "done", "expected"),
    [
        ("1,234.5 万元", "０", set()),
        ("－5", "0", {("/funding/0/planned", "out_of_range")}),
        ("100", "", {("/funding/0/done", "required")}),
        ("一百万", "5元", {("/funding/0/planned", "not_a_number"), ("/funding/0/done", "unit_mismatch")}),
        ("9999999999999999", "0", {("/funding/0/planned", "out_of_range")}),
    ],
)
def test_money(planned: str, done: str, expected: set[tuple[str, str]]) -> None:
    head, text = f"{HEAD},{BENEFIT},{MONEY}", f'{ROW},5,"{planned}","{done}"'
    assert verdict(of_csv(f"{head}\n{text}\n")[0]) == expected
    assert verdict(of_xlsx(table(row(head), [*row(ROW), 5, planned, done]))[0]) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{HEAD}\n{ROW}".encode().decode("gbk", "replace").encode("gbk", "replace"), ("", "charset_unclear")),
        (f"{HEAD}\n{ROW}\n".encode() + b"x" * 2_000_000, ("payload_too_large", "line_too_long")),
        (b"\0" * 1_000, ("", "header_missing")),
        (b"\xff" * 1_000, ("", "charset_unknown")),
        (b"", ("", "header_missing")),
        (bomb(None), ("", "charset_unknown")),
    ],
)
def test_a_file(body: bytes, expected: tuple[str, str]) -> None:
    with refused(expected):
        of_csv(body)


def test_a_line_of_200_megabytes() -> None:
    """It is refused after a million characters of it."""
    body = f"{HEAD}\n".encode() + b"x" * 200_000_000
    with refused(("payload_too_large", "line_too_long")):
        of_csv(body)


_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip).filter(bool)
_yuan = st.decimals(0, "99999999999999.99", places=2).map(lambda value: format(value + 0, "f"))
_years = st.one_of(st.none(), st.integers(2000, 2100))
_funding = st.lists(
    st.tuples(st.sampled_from(list(LISTS.sources)), _years, _yuan, _yuan),
    max_size=4,
    unique_by=lambda line: line[:2],
)
_benefits = st.fixed_dictionaries(
    {},
    optional={
        "jobs": st.integers(0, 2_000_000_000),
        "households": st.integers(0, 2_000_000_000),
        "household_income_increase": _yuan,
        "collective_income": _yuan,
        "restored_area_mu": _yuan,
    },
).filter(bool)
_day = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))
_degree = st.integers(-180_000_000, 180_000_000).map(lambda value: value / 1_000_000)
_documents = st.fixed_dictionaries(
    {
        "external_id": _text,
        "name": _text,
        "region_code": st.sampled_from(list(LISTS.regions)),
        "primary_mode": st.sampled_from(list(LISTS.modes)),
        "investment_entity": st.fixed_dictionaries(
            {"name": _text, "kind": st.sampled_from(["enterprise", "gacha_collective", "department"])},
            optional={"credit_code": st.just("91152501MA0000023E")},
        ),
        "construction_content": _text,
        "building_stage": st.sampled_from(["reserve", "construction", "suspended"]),
        "expected_benefits": _benefits,
        "funding": _funding.map(
            lambda lines: [
                {"source": source, **({} if year is None else {"year": year}), "planned": planned, "done": done}
                for source, year, planned, done in lines
            ]
        ),
    },
    optional={
        "secondary_modes": st.lists(st.sampled_from(list(LISTS.modes)), min_size=1, max_size=3, unique=True),
        "starts_on": _day.map(lambda day: day.isoformat()),
        "ends_on": _day.map(lambda day: day.isoformat()),
        "location": st.tuples(_degree, _degree).map(lambda pair: {"type": "Point", "coordinates": list(pair)}),
        "national_code": st.just("2405-152501-04-01-123456"),
        "axis": st.sampled_from(["ecology_to_industry", "industry_to_ecology"]),
    },
)


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """The funding in one order; none is as good as an empty list."""
    lines = sorted(document.get("funding", []), key=lambda line: (line["source"], line.get("year", 0)))
    return {**{name: value for name, value in document.items() if name != "funding"}, "funding": lines}


@settings(max_examples=150, deadline=None)
@given(st.lists(_documents, min_size=1, max_size=3))
def test_every_value_comes_back_of_its_cell(pushed: list[dict[str, Any]]) -> None:
    expected = [_plain(one) for one in pushed]
    assert [_plain(one) for one in documents(of_csv(as_csv(pushed)))] == expected
    assert [_plain(one) for one in documents(of_xlsx(as_xlsx(pushed)))] == expected


async def test_duplicates_and_the_rest_over_http(world: World, sample: bytes) -> None:
    """The sample as an officer's table, with one row twice and the stages in Chinese."""
    machine = await world.machine(*REGIONS)
    async with world.admin.administration() as session:
        lists: Lists = await repository.lists(session)
    coded = documents_of(rows_of(sample), lists)
    for body in (as_csv(coded, lists), as_xlsx(coded, lists)):
        read = of_lists(body, lists)
        told = await receipt(machine, [*documents(read), documents(read)[0]])
        assert counts(told)["rejected"] == 1
        assert told["rows"][52]["errors"][0]["code"] == "duplicate"
    assert counts(await receipt(machine, sample)) == {"unchanged": 52}


def documents_of(rows: list[dict[str, Any]], lists: Lists) -> list[dict[str, Any]]:
    return [
        {
            **one,
            "primary_mode": lists.code_of("modes", one["primary_mode"]),
            "secondary_modes": [lists.code_of("modes", mode) for mode in one["secondary_modes"]],
            "building_stage": lists.code_of("stages", one["building_stage"]),
        }
        for one in rows
    ]


def of_lists(body: bytes, lists: Lists) -> list[Line]:
    reader = xlsx.rows if body.startswith(b"PK") else csv.rows
    return list(reader(io.BytesIO(body), lists=lists))


def test_every_code_of_a_table_has_words() -> None:
    assert all(zh and en for zh, en in FIELD_CODES.values())
