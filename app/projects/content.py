"""What a project says, as plain values: merged, checked and compared the same way for an editor and for a push."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from app.core.errors import FieldError

BENEFITS = ("jobs", "households", "household_income_increase", "collective_income", "restored_area_mu")
COLUMNS = (
    "name",
    "national_code",
    "organisation_id",
    "practice_area_id",
    "construction_content",
    "primary_mode",
    "secondary_modes",
    "axis",
    "building_stage",
    "starts_on",
    "ends_on",
    *(f"expected_{benefit}" for benefit in BENEFITS),
    "longitude",
    "latitude",
)
# What a source may own. Not the entity, on which the pair itself and the recusals rest, and never what no push states.
OWNABLE = frozenset(
    {
        *("name", "national_code", "construction_content", "primary_mode", "secondary_modes", "axis"),
        *("building_stage", "starts_on", "ends_on", "expected_benefits", "location", "funding"),
    }
)
_CENT, _MICRODEGREE = Decimal("0.01"), Decimal("0.000001")

# Column → value, and `funding` → lines. Absent means not stated.
Values = dict[str, Any]
Changes = dict[str, dict[str, Any]]


class FundingLine(NamedTuple):
    """Yuan by source and year; no year means the project's whole life."""

    source: str
    year: int | None
    planned: Decimal
    done: Decimal


class _Stated(Protocol):
    @property
    def model_fields_set(self) -> set[str]: ...


def of(row: Any, funding: Iterable[FundingLine]) -> Values:
    """What a stored project says; `row` has the columns as attributes."""
    return {**{name: getattr(row, name) for name in COLUMNS}, "funding": tuple(funding)}


def stated(body: _Stated) -> Values:
    """What a body or a pushed row states, by column. Within expected benefits, too, what is absent stays."""
    values: Values = {}
    for name in body.model_fields_set:
        value = getattr(body, name)
        match name:
            case "expected_benefits":
                told = value.model_fields_set if value is not None else BENEFITS
                values |= {f"expected_{benefit}": getattr(value, benefit, None) for benefit in told}
            case "location":
                longitude, latitude = value.coordinates if value is not None else (None, None)
                values |= {"longitude": _degrees(longitude), "latitude": _degrees(latitude)}
            case "funding":
                lines = value or ()
                values[name] = tuple(FundingLine(line.source, line.year, line.planned, line.done) for line in lines)
            case "secondary_modes":
                values[name] = list(value or ())
            case _ if name in COLUMNS:
                values[name] = value
    return values


def _degrees(value: float | None) -> Decimal | None:
    """Six decimals are kept: about ten centimetres."""
    return None if value is None else Decimal(repr(float(value))).quantize(_MICRODEGREE)


def public(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-ready members, equal exactly where the content is equal."""
    longitude = values["longitude"]
    location = None
    if longitude is not None:
        location = {"type": "Point", "coordinates": [float(longitude), float(values["latitude"])]}
    return {
        "name": values["name"],
        "national_code": values["national_code"],
        "investment_entity": _text(values["organisation_id"]),
        "practice_area_id": _text(values["practice_area_id"]),
        "construction_content": values["construction_content"],
        "primary_mode": values["primary_mode"],
        "secondary_modes": sorted(values["secondary_modes"]),
        "axis": _text(values["axis"]),
        "building_stage": str(values["building_stage"]),
        "starts_on": _text(values["starts_on"]),
        "ends_on": _text(values["ends_on"]),
        "expected_benefits": {benefit: _text(values[f"expected_{benefit}"]) for benefit in BENEFITS},
        "location": location,
        "funding": lines_of(values["funding"]),
    }


def from_public(members: Mapping[str, Any]) -> Values:
    """The columns that these public members speak of; the reverse of `public`."""
    values: Values = {}
    for name, value in members.items():
        match name:
            case "expected_benefits":
                values |= {f"expected_{benefit}": _number(benefit, value[benefit]) for benefit in BENEFITS}
            case "location":
                longitude, latitude = value["coordinates"] if value is not None else (None, None)
                values |= {"longitude": _degrees(longitude), "latitude": _degrees(latitude)}
            case "funding":
                values[name] = tuple(
                    FundingLine(line["source"], line["year"], Decimal(line["planned"]), Decimal(line["done"]))
                    for line in value
                )
            case "investment_entity" | "practice_area_id":
                column = "organisation_id" if name == "investment_entity" else name
                values[column] = UUID(value) if value is not None else None
            case "starts_on" | "ends_on":
                values[name] = date.fromisoformat(value) if value is not None else None
            case _:
                values[name] = value
    return values


def _number(benefit: str, value: Any) -> Any:
    return value if value is None or benefit in {"jobs", "households"} else Decimal(value)


def lines_of(lines: Iterable[FundingLine]) -> list[dict[str, Any]]:
    """JSON-ready, in their order."""
    return [_line(line) for line in in_order(lines)]


def in_order(lines: Iterable[FundingLine]) -> list[FundingLine]:
    """By source, then the whole life, then the years."""
    return sorted(lines, key=lambda line: (line.source, line.year or 0))


def _line(line: FundingLine) -> dict[str, Any]:
    return {"source": line.source, "year": line.year, "planned": _text(line.planned), "done": _text(line.done)}


def _text(value: Any) -> Any:
    match value:
        case Decimal():
            return format(value.quantize(_CENT), "f")
        case UUID() | str():
            return str(value)
        case date():
            return value.isoformat()
        case _:
            return value


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
    """Member → before and after, for what differs. Without a before: everything that says something."""
    now = public(after)
    if before is None:
        return {name: {"before": None, "after": value} for name, value in now.items() if value not in (None, [])}
    then = public(before)
    return {name: {"before": then[name], "after": now[name]} for name in now if then[name] != now[name]}


def inconsistencies(values: Mapping[str, Any]) -> list[FieldError]:
    """What contradicts itself, each with its pointer."""
    found = []
    starts_on, ends_on = values["starts_on"], values["ends_on"]
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        found.append(FieldError("/ends_on", "dates_out_of_order"))
    modes = [values["primary_mode"], *values["secondary_modes"]]
    for position, mode in enumerate(modes[1:]):
        if mode in modes[: position + 1]:
            found.append(FieldError(f"/secondary_modes/{position}", "duplicate"))
    keys = [(line.source, line.year) for line in values["funding"]]
    whole = {source for source, year in keys if year is None}
    kinds = Counter(source for source, year in set(keys) if year is not None)
    for position, (source, year) in enumerate(keys):
        if (source, year) in keys[:position]:
            found.append(FieldError(f"/funding/{position}", "duplicate"))
        elif year is not None and source in whole and kinds[source]:
            found.append(FieldError(f"/funding/{position}/year", "mixed_years"))
    return found


def missing_facts(values: Mapping[str, Any]) -> list[str]:
    """Which of Art. 3's four facts are missing: 建设内容、投资主体、预期效益、转化模式."""
    benefits = any(values[f"expected_{benefit}"] for benefit in BENEFITS)
    facts = {
        "construction_content": values["construction_content"],
        "organisation_id": values["organisation_id"],
        "expected_benefits": benefits or None,
        "primary_mode": values["primary_mode"],
    }
    return [name for name, value in facts.items() if value is None]
