"""Numbers and times as they are taken: one way to write each, for what is written is hashed and signed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaMode

from app.core.fields import Moment, Money, Points, Quantity, Score
from app.core.problems import field_errors


class Sheet(BaseModel):
    score: Score | None = None
    points: Points | None = None
    money: Money | None = None
    quantity: Quantity | None = None
    at: Moment | None = None


def _codes(**stated: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Sheet.model_validate(stated)
    return [error.code for error in field_errors([dict(item) for item in refused.value.errors()])]


@pytest.mark.parametrize(
    ("sent", "score", "amount"),
    [
        ("88.5000000000", "88.5", "88.50"),
        ("88.50", "88.5", "88.50"),
        (90, "90", "90.00"),
        ("00090", "90", "90.00"),
        ("-0", "0", "0.00"),
        ("-0.00", "0", "0.00"),
        ("100", "100", "100.00"),
        ("0.05", "0.05", "0.05"),
    ],
)
def test_a_number_is_kept_in_one_notation(sent: str | int, score: str, amount: str) -> None:
    stated = {"score": sent, "points": sent, "money": sent, "quantity": sent}
    shown = Sheet.model_validate(stated).model_dump(mode="json", exclude={"at"})
    assert shown == {"score": score, "points": score, "money": amount, "quantity": amount}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("88.555", "invalid_format"),
        ("100.01", "out_of_range"),
        ("-0.01", "out_of_range"),
        ("1e1", "invalid_format"),
        ("NaN", "invalid_format"),
        (8.5, "wrong_type"),
        (True, "wrong_type"),
        ("", "invalid_format"),
    ],
)
def test_what_is_no_score(sent: object, code: str) -> None:
    assert _codes(score=sent) == [code]


def test_what_may_not_be_negative_says_so_in_the_document() -> None:
    modes: tuple[JsonSchemaMode, ...] = ("validation", "serialization")
    for mode in modes:
        members = Sheet.model_json_schema(mode=mode)["properties"]
        for name, signed in (("score", False), ("points", False), ("money", False), ("quantity", True)):
            assert ('"^-?' in repr(members[name]).replace("'", '"')) is signed, (mode, name)


@pytest.mark.parametrize("sent", [1, 0, -1, 1.5, "1", "0", "-1", "2026-03-02", "2026-03-02T01:00:00", None, True])
def test_a_time_is_a_text_with_its_offset(sent: object) -> None:
    if sent is None:
        assert Sheet.model_validate({"at": None}).at is None
        return
    assert _codes(at=sent) == ["invalid_format"]


def test_a_time_is_taken() -> None:
    assert Sheet.model_validate({"at": "2026-03-02T09:00:00+08:00"}).at == datetime(2026, 3, 2, 1, tzinfo=UTC)
