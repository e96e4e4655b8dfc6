"""Field types with their bounds: no NUL, no lone surrogate, no unbounded text or number reaches the database."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer
from pydantic_core import PydanticCustomError

# Control characters other than tab, line feed and carriage return say nothing in a text, NUL is refused by PostgreSQL,
# and what turns the direction of writing makes a text read as another than it is.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]|[\u202a-\u202e\u2066-\u2069]")


def _clean(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("invalid_format", "control characters")
    return value


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


ShortText = Annotated[str, BeforeValidator(_stripped), Field(min_length=1, max_length=200), AfterValidator(_clean)]
LongText = Annotated[str, BeforeValidator(_stripped), Field(min_length=1, max_length=20_000), AfterValidator(_clean)]
ReasonText = Annotated[
    str,
    BeforeValidator(_stripped),
    Field(min_length=2, max_length=2_000, description="Why. Kept with the act.", examples=["理由如实填写（示例）"]),
    AfterValidator(_clean),
]
Secret = Annotated[str, Field(min_length=1, max_length=1024)]
# Output only: a code of ours, a label of ours.
Code = Annotated[str, Field(max_length=100)]
Label = Annotated[str, Field(max_length=400)]

RegionCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", max_length=6, examples=["152501"])]
Year = Annotated[int, Field(ge=2000, le=2100, strict=True, examples=[2026])]
QueryYear = Annotated[int, Field(ge=2000, le=2100)]
Count = Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)]
Position = Annotated[int, Field(ge=0, le=100_000, strict=True)]
Version = Annotated[int, Field(ge=1, le=2_000_000_000)]


_DECIMAL = r"^-?[0-9]{1,20}(\.[0-9]{1,10})?$"
_IS_DECIMAL = re.compile(_DECIMAL, re.ASCII).fullmatch
_UNSIGNED = _DECIMAL.replace("-?", "")
_MOST = 99_999_999_999_999
# What the document says may be sent; the number itself is bounded by the field.
_Signed = Annotated[str, Field(pattern=_DECIMAL, max_length=32)] | Annotated[int, Field(ge=-_MOST, le=_MOST)]
_Unsigned = Annotated[str, Field(pattern=_UNSIGNED, max_length=32)] | Annotated[int, Field(ge=0, le=_MOST)]
_CENT = Decimal("0.01")


def _as_decimal(value: object) -> object:
    """A decimal string or an integer; a float has already lost what it stood for."""
    if isinstance(value, bool | float):
        raise PydanticCustomError("wrong_type", "send decimals as strings")
    if isinstance(value, str) and not _IS_DECIMAL(value):
        raise PydanticCustomError("invalid_format", "not a decimal")
    return value


def _settled(value: Decimal) -> Decimal:
    """One way to write a number that is hashed and signed: two decimals, and zero has no sign."""
    return value.quantize(_CENT) + 0


def _text(pattern: str) -> PlainSerializer:
    return PlainSerializer(
        lambda value: format(value, "f"), return_type=Annotated[str, Field(pattern=pattern, max_length=32)]
    )


# The bounds stand next to the type: there they are checked by the core, and not in Python.
Money = Annotated[
    Decimal,
    Field(ge=0, max_digits=16, decimal_places=2),
    BeforeValidator(_as_decimal, json_schema_input_type=_Unsigned),
    AfterValidator(_settled),
    Field(description="Yuan, as a decimal string.", examples=["1200000.00"]),
    _text(_UNSIGNED),
]
Quantity = Annotated[
    Decimal,
    Field(max_digits=16, decimal_places=2),
    BeforeValidator(_as_decimal, json_schema_input_type=_Signed),
    AfterValidator(_settled),
    Field(description="A decimal string in the stated unit.", examples=["45.26"]),
    _text(_DECIMAL),
]


def _shortest(value: Decimal) -> Decimal:
    """A score is signed as it is kept: without a sign of zero and without zeros that say nothing."""
    return Decimal(format(value.normalize() + 0, "f"))


# Whoever scores, scores to the hundredth; what is computed from scores is finer.
Score = Annotated[
    Decimal,
    Field(ge=0, le=100, max_digits=5, decimal_places=2),
    BeforeValidator(_as_decimal, json_schema_input_type=_Unsigned),
    AfterValidator(_shortest),
    Field(description="From 0 to 100, with at most two decimals.", examples=["86.5"]),
    _text(_UNSIGNED),
]
# Its bounds are the criterion's own: all that is wrong with a sheet is told at once.
Points = Annotated[
    Decimal,
    Field(max_digits=16, decimal_places=2),
    BeforeValidator(_as_decimal, json_schema_input_type=_Unsigned),
    AfterValidator(_shortest),
    Field(description="From 0 to the criterion's `max`, with at most two decimals.", examples=["86.5"]),
    _text(_UNSIGNED),
]


_IS_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_IS_DATE: dict[str, JsonValue] = {"format": "date"}


def _as_date(value: object) -> object:
    """Exactly YYYY-MM-DD: a timestamp or a number is not a date."""
    if isinstance(value, str) and _IS_DAY(value):
        return value
    if isinstance(value, date):
        return value
    raise PydanticCustomError("invalid_format", "not a date")


def _sane(value: date) -> date:
    if not 1900 <= value.year <= 2200:
        raise PydanticCustomError("out_of_range", "year out of range")
    return value


Day = Annotated[
    date,
    BeforeValidator(_as_date, json_schema_input_type=Annotated[str, Field(max_length=10, json_schema_extra=_IS_DATE)]),
    AfterValidator(_sane),
    Field(examples=["2026-03-31"]),
]


# The year is bounded, so that no offset carries it beyond what a time can be.
_MOMENT = re.compile(r"(19|20|21)\d\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_moment(value: object) -> object:
    """A time with its offset: a bare number or a local time would be a guess."""
    if isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.fullmatch(value)):
        return value
    raise PydanticCustomError("invalid_format", "not an RFC 3339 time")


Moment = Annotated[
    datetime,
    BeforeValidator(_as_moment, json_schema_input_type=datetime),
    Field(examples=["2026-03-02T01:00:00Z"]),
]


class Body(BaseModel):
    """A request's body: an unknown member is refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class ReasonBody(Body):
    """An act that must say why."""

    reason: ReasonText
