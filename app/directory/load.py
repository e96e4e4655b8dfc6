"""Loads the reference data (regions, modes, indicators, …), in production too; running it again changes nothing.

A row that the files no longer name is kept: other rows may refer to it. Rows are the office's to change
later, so an existing code is brought up to date only in what the files state.
"""

import hashlib
import json
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Base
from app.models.declarations import CommitmentText
from app.models.directory import (
    CalendarDay,
    ConversionMode,
    FundingSource,
    Indicator,
    LegalBasis,
    Region,
    Relation,
    TimeLimit,
)


async def load_reference_data(session: AsyncSession) -> None:
    """Upsert every reference row. Needs the worker's session: the requests' role may not write here."""
    regions = _read("regions.json")
    for region in regions:
        region["name_mn"] = region.get("name_mn")
        # The league is a region of its own, but it is not one of the assessed units.
        region["assessed"] = region["level"] == "county"
    await _upsert(session, Region, sorted(regions, key=lambda region: region["level"], reverse=True))
    reference = _read("reference.json")
    for mode in reference["conversion_modes"]:
        mode["scheme"] = "national_eight"
    for model, name in (
        (ConversionMode, "conversion_modes"),
        (FundingSource, "funding_sources"),
        (Indicator, "indicators"),
        (Relation, "relations"),
        (TimeLimit, "time_limits"),
    ):
        await _upsert(session, model, _placed(reference[name]))
    await _add(session, LegalBasis, _dated(_placed(reference["legal_bases"])))
    await _add(session, CalendarDay, [day for span in _read("calendar.json") for day in _days(span)])
    await _add_commitment_texts(session)


def _placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "position": position} for position, row in enumerate(rows, start=1)]


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "since": row["since"] and date.fromisoformat(row["since"])} for row in rows]


def _days(span: dict[str, Any]) -> list[dict[str, Any]]:
    """What ships is an example (示例): the office enters the official calendar."""
    first, last = date.fromisoformat(span["day"]), date.fromisoformat(span["until"])
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return [{"day": day, "kind": span["kind"], "name_zh": span["name_zh"], "is_example": True} for day in days]


async def _add(session: AsyncSession, model: type[Base], rows: list[dict[str, Any]]) -> None:
    """What decisions refer to, and what the office keeps by itself, is added once and never brought up to date."""
    await session.execute(insert(model).values(rows).on_conflict_do_nothing())


async def _add_commitment_texts(session: AsyncSession) -> None:
    """People have signed what stands: a version is added once and never brought up to date."""
    rows = [
        {**row, "sha256": hashlib.sha256(row["text_zh"].encode()).hexdigest()} for row in _read("commitment_texts.json")
    ]
    await _add(session, CommitmentText, rows)


async def _upsert(session: AsyncSession, model: type[Base], rows: list[dict[str, Any]]) -> None:
    statement = insert(model).values(rows)
    stated = {name: statement.excluded[name] for name in rows[0] if name != "code"}
    await session.execute(statement.on_conflict_do_update(index_elements=["code"], set_=stated))


def _read(name: str) -> Any:
    return json.loads((files("app.directory") / "data" / name).read_text(encoding="utf-8"))
