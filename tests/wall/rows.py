"""A row in every table, made from the metadata, so that a rule can be proven over tables yet to come."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Column, Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.models import metadata

REGION = "152501"
# Two projects, in their order: some rows are about a pair.
PROJECT, OTHER_PROJECT = UUID("00000000-0000-7000-8000-000000000001"), UUID("00000000-0000-7000-8000-000000000002")
# What a CHECK asks for and a column's type does not say.
STATED: dict[tuple[str, str], Any] = {
    ("projects", "id"): PROJECT,
    ("project_matches", "other_project_id"): OTHER_PROJECT,
    ("project_match_decisions", "other_project_id"): OTHER_PROJECT,
    ("organisations", "no_code_reason"): "示例",
    ("clients", "client_id"): "example-client",
    ("plan_preparers", "name"): "示例",
    ("plans", "year"): 2026,
    ("plans", "latest_version"): 1,
    ("plan_versions", "number"): 1,
    ("plan_filings", "filing_number"): "备案〔2026〕1号（示例）",
    ("projects", "membership"): "in_library",
    ("walls", "subject"): "region:152599",
    ("grants", "role"): "expert",
    ("clients", "regions"): [REGION],
    # Long ago: or it would bar the person from the region of the rest.
    ("employments", "starts_on"): date(2015, 3, 1),
    ("employments", "ends_on"): date(2016, 3, 1),
    ("grants", "confirmed_by"): None,
    ("superior_decisions", "confirmed_by"): None,
    ("plan_filings", "outcome"): "filed",
    ("commitments", "year"): 2026,
    ("declarations", "year"): 2026,
    ("recusals", "organisation_id"): None,
    ("recusals", "project_id"): None,
    ("panels", "state"): "complete",
    ("indicator_values", "year"): 2024,
    ("earlier_plans", "year"): 2024,
    ("earlier_results", "year"): 2024,
    ("import_runs", "state"): "queued",
    ("import_runs", "outcome"): None,
    ("project_decisions", "proposal_id"): None,
    ("webhooks", "disabled_reason"): None,
    ("webhook_deliveries", "state"): "delivered",
    ("evaluation_cycles", "assessment_year"): 2025,
    ("evaluation_cycles", "submission_year"): 2026,
}
# Loaded already, and needed as they are.
KEPT = (
    "regions",
    "conversion_modes",
    "funding_sources",
    "indicators",
    "relations",
    "signing_keys",
    "commitment_texts",
    "legal_bases",
    "calendar_days",
    "time_limits",
)
_ONE_OF = re.compile(r"^(\w+) IN \('([^']+)'")


async def fill(session: AsyncSession) -> dict[str, dict[str, Any]]:
    """One row in each table; children point at their parents' row. Worker's session."""
    principal = uuid4()
    await registry.lock(session, principal)
    made: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        if table.name in KEPT:
            row = (await session.execute(table.select().order_by(*table.primary_key).limit(2))).mappings().all()[-1]
            made[table.name] = dict(row)
        else:
            values = {column.name: _value(table, column, made) for column in table.columns}
            if table.name == "principals":
                values["id"] = principal
            await session.execute(insert(table).values(values))
            if table.name == "projects":
                await session.execute(insert(table).values({**values, "id": OTHER_PROJECT}))
            made[table.name] = values
    return made


def _value(table: Table, column: Column[Any], made: dict[str, dict[str, Any]]) -> Any:
    if (table.name, column.name) in STATED:
        return STATED[table.name, column.name]
    for key in column.foreign_keys:
        parent = key.column.table.name
        if parent in made and parent != table.name:
            return made[parent][key.column.name]
    for check in table.constraints:
        found = _ONE_OF.match(str(check.sqltext)) if isinstance(check, CheckConstraint) else None
        if found and found[1] == column.name:
            return found[2]
    if column.nullable:
        return REGION if column.name == "region_code" else None
    return _plain(column)


def _plain(column: Column[Any]) -> Any:
    kind = column.type.python_type
    if column.name == "region_code":
        return REGION
    values: dict[type, Any] = {
        str: "示例",
        int: 1,
        bool: False,
        UUID: uuid4(),
        date: date(2026, 3, 1),
        datetime: datetime(2026, 3, 1, tzinfo=UTC),
        Decimal: Decimal("1.00"),
        list: [],
        object: [],  # jsonb
        dict: {},
        bytes: b"example",
    }
    return values[kind]
