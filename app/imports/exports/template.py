"""The template that officers fill (pure): one sheet of projects with drop-downs, the notes, and the lists."""

from datetime import date, datetime
from decimal import Decimal
from math import ceil
from typing import IO

from app.core.documents.xlsx import Book, Sheet, Value
from app.imports.reading.columns import CLEARED, Column, FundingKey, Kind, Lists, all_columns
from app.imports.reading.xlsx import SHEET

_ROWS = 2_000
_WIDTHS = (34, 10, 70, 70)
_NOTES, _LISTS = "填写说明", "选项"
_CHOICES = {"regions": "所属地区", "modes": "转化模式", "kinds": "主体类型", "stages": "建设阶段", "axes": "转化方向"}
_GENERAL = (
    f"在“{SHEET}”工作表中填报，每个项目一行；第二行是示例，导入时跳过，可以保留或删除。",
    "标 * 的列必填。列的先后可以调整，不用的非必填列可以删除；列名请勿改动。",
    "金额列的单位写在列名中（万元、元、亿元均可，以列名为准）；单元格内只填数字。",
    "资金按来源填报：计划与完成须同时填写，没有完成的填 0；没有该来源的两格都留空。",
    "资金分年度填报时，在列名前加年份，如“2026年中央计划（万元）”“2026年中央完成（万元）”；不带年份的列是项目全周期。",
    "同一来源不得既分年度又按全周期填报。填报任一资金列，即替换该项目原有的全部资金。",
    "日期须写明年月日，如 2026-05-01、2026/5/1、2026年5月1日。",
    f"单元格留空表示不填报、保留原有内容；要清除原有内容，请填“{CLEARED}”。",
    "公式以保存的计算结果为准；错误值、合并单元格和不能确定的内容会在回执中逐行逐格指出。",
)


def build(lists: Lists, created: datetime) -> IO[bytes]:
    """The workbook, a file at its start."""
    book = Book(created)
    columns = all_columns((FundingKey(source, None) for source in lists.sources), lists.sources)
    places = {name: place for place, name in enumerate(_CHOICES)}
    sheet = book.sheet(SHEET)
    sheet.widths([column.width for column in columns], text=[_is_text(column) for column in columns])
    sheet.freeze(1, 2)
    sheet.printed(across=3, named_by=2)
    sheet.height(0, 36)
    sheet.heading([f"{column.heading} *" if column.required else column.heading for column in columns])
    first = next(iter(lists.sources), "")
    sheet.row([_example(column, lists, first) for column in columns], italic=True, font_color="#808080")
    for index, column in enumerate(columns):
        if column.choices:
            letter, count = chr(ord("A") + places[column.choices]), len(lists.entries(column.choices))
            source = f"='{_LISTS}'!${letter}$2:${letter}${max(count, 1) + 1}"
            sheet.choices(index, 1, _ROWS, source, title=column.title, note=_note(column), strict=_strict(column))
        elif column.note:
            sheet.prompt(index, 1, _ROWS, title=column.title, note=_note(column))
    _notes(book, columns, lists)
    _lists(book, lists)
    return book.save()


def _is_text(column: Column) -> bool:
    return column.kind in {Kind.TEXT, Kind.CHOICE, Kind.CHOICES}


def _strict(column: Column) -> bool:
    """Several modes in one cell are none of the drop-down's entries."""
    return column.kind is Kind.CHOICE


def _note(column: Column) -> str:
    return f"{'必填。' if column.required else ''}{column.note}"


def _example(column: Column, lists: Lists, source: str) -> Value:
    if column.pointer.startswith(f"/funding/{source}/"):
        return Decimal("889") if column.pointer.endswith("planned") else Decimal("261.6639")
    if column.choices in {"regions", "modes"}:
        return (
            lists.entries(column.choices)[0] if column.kind is Kind.CHOICE and lists.entries(column.choices) else None
        )
    if not column.example or column.kind in {Kind.TEXT, Kind.CHOICE}:
        return column.example or None
    return date.fromisoformat(column.example) if column.kind is Kind.DAY else Decimal(column.example)


def _notes(book: Book, columns: list[Column], lists: Lists) -> None:
    sheet: Sheet = book.sheet(_NOTES)
    sheet.widths(_WIDTHS)
    sheet.printed()
    for number, note in enumerate(_GENERAL, 1):
        sheet.wide(f"{number}. {note}", 4, text_wrap=True)
    sheet.row([])
    sheet.heading(["列名", "必填", "说明", "可填"])
    for place, column in enumerate(columns, len(_GENERAL) + 2):
        offered = "、".join(lists.entries(column.choices)) if column.choices else ""
        # Not every program finds out by itself how high a row must be.
        sheet.height(place, 17 * max(_lines(column.note, _WIDTHS[2]), _lines(offered, _WIDTHS[3]), 1))
        sheet.row([column.heading, "是" if column.required else "", column.note, offered], text_wrap=True)


def _lines(text: str, width: int) -> int:
    """A Chinese character is two wide."""
    return ceil(sum(1 if character.isascii() else 2 for character in text) / width)


def _lists(book: Book, lists: Lists) -> None:
    sheet = book.sheet(_LISTS)
    entries = [lists.entries(choices) for choices in _CHOICES]
    sheet.widths([26] * len(entries))
    sheet.printed()
    sheet.heading(list(_CHOICES.values()))
    for index in range(max(len(each) for each in entries)):
        sheet.row([each[index] if index < len(each) else None for each in entries])
