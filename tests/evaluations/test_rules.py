"""Sheets, totals, bands, explanations: whatever the numbers, and in whatever order they come."""

import copy
import json
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluations.files.rules import RESULT_STANDS, Gates, explain, recompute, settle
from app.evaluations.schemes.rules import (
    SchemeError,
    SheetError,
    grade_of,
    plain,
    scheme_of,
    total_of,
    trimmed,
)
from app.models.evaluations import FileState

CONTENT: dict[str, Any] = json.loads(
    (files("app.evaluations.schemes") / "data" / "example-1.json").read_text(encoding="utf-8")
)
SCHEME = scheme_of(CONTENT)
CODES = [criterion.code for criterion in SCHEME.criteria]

scores = st.decimals(min_value=0, max_value=100, places=2)
sheets = st.fixed_dictionaries(dict.fromkeys(CODES, scores))
panels = st.lists(sheets, min_size=SCHEME.quorum, max_size=9)
appraisals = st.decimals(min_value=0, max_value=100, places=4)


def explained(given_sheets: list[dict[str, Decimal]], appraisal: Decimal, content: Any = CONTENT) -> dict[str, Any]:
    return explain(
        content,
        scheme_sha256="0" * 64,
        region_code="152501",
        assessment_year=2025,
        inputs=[],
        sheets=given_sheets,
        appraisal=appraisal,
    )


@given(panels, appraisals, st.randoms())
def test_the_order_of_sheets_changes_nothing(panel: list[dict[str, Decimal]], appraisal: Decimal, dice: Any) -> None:
    shuffled = [dict(dice.sample(sorted(sheet.items()), len(sheet))) for sheet in panel]
    dice.shuffle(shuffled)
    assert explained(shuffled, appraisal) == explained(panel, appraisal)


@given(panels, appraisals)
def test_the_explanation_alone_gives_the_same_total_and_grade(
    panel: list[dict[str, Decimal]], appraisal: Decimal
) -> None:
    explanation = explained(panel, appraisal)
    # As it is kept and sent: JSON.
    total, grade = recompute(json.loads(json.dumps(explanation)))
    assert (format(total, "f"), grade) == (explanation["total"], explanation["grade"])


@given(panels, appraisals)
def test_the_total_is_exact_and_rounded_once(panel: list[dict[str, Decimal]], appraisal: Decimal) -> None:
    worths = [sum(Fraction(c.weight) * Fraction(sheet[c.code]) for c in SCHEME.criteria) for sheet in panel]
    exact = Fraction(7, 10) * sum(worths) / len(worths) + Fraction(3, 10) * Fraction(appraisal)
    total = total_of(SCHEME, panel, appraisal)
    assert 0 <= total <= 100
    # Half a unit of the last place is rounded up, so the total is at most that above and less than that below.
    assert -Fraction(1, 20000) < Fraction(total) - exact <= Fraction(1, 20000)


@given(st.decimals(min_value=0, max_value=100, places=4))
def test_every_total_has_exactly_one_grade(total: Decimal) -> None:
    assert [band for band in SCHEME.bands if band.holds(total)] == [grade_of(total, SCHEME.bands)]


@pytest.mark.parametrize(
    ("total", "grade"),
    [
        ("100", "excellent"),
        ("90.0000", "excellent"),
        ("89.9999", "good"),
        ("75", "good"),
        ("74.9999", "qualified"),
        ("60", "qualified"),
        ("59.9999", "unqualified"),
        ("0", "unqualified"),
    ],
)
def test_bands_are_half_open(total: str, grade: str) -> None:
    assert grade_of(Decimal(total), SCHEME.bands).code == grade


def test_half_a_unit_of_the_last_place_is_rounded_up() -> None:
    """0.3 × 0.0005 = 0.00015: half up gives 0.0002, half to even or down would not."""
    nothing = dict.fromkeys(CODES, Decimal(0))
    assert total_of(SCHEME, [nothing] * 3, Decimal("0.0005")) == Decimal("0.0002")
    assert Decimal("0.00015").quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal("0.0002")


@given(panels, sheets, appraisals)
def test_a_sheet_that_is_not_handed_over_leaves_no_mark(
    panel: list[dict[str, Decimal]], voided: dict[str, Decimal], appraisal: Decimal
) -> None:
    with_it = explained([*panel, voided], appraisal)
    without = explained(panel, appraisal)
    assert len(without["sheets"]) == len(with_it["sheets"]) - 1
    assert without == explained(list(panel), appraisal)


@pytest.mark.parametrize("count", range(SCHEME.quorum))
def test_fewer_sheets_than_the_quorum_give_no_total(count: int) -> None:
    with pytest.raises(SheetError):
        total_of(SCHEME, [dict.fromkeys(CODES, Decimal(80))] * count, Decimal(80))


@pytest.mark.parametrize("change", [{"innovation": None}, {"extra": Decimal(1)}, {"innovation": Decimal("100.01")}])
def test_a_sheet_scores_exactly_the_criteria(change: dict[str, Decimal | None]) -> None:
    sheet = {code: s for code, s in {**dict.fromkeys(CODES, Decimal(80)), **change}.items() if s is not None}
    with pytest.raises(SheetError):
        total_of(SCHEME, [sheet] * 3, Decimal(80))


@given(st.lists(scores, min_size=3, max_size=9).map(sorted), st.integers(0, 1))
def test_trimming_takes_as_many_from_each_end(ordered: list[Decimal], each_end: int) -> None:
    kept = trimmed(ordered, each_end)
    assert len(kept) == len(ordered) - 2 * each_end
    assert list(kept) == ordered[each_end : len(ordered) - each_end]


def test_a_trimmed_method_leaves_out_the_lowest_and_the_highest() -> None:
    content = {**CONTENT, "trim_each_end": 1, "panel": {"seats": 3, "reserves": 0, "quorum": 3}}
    panel = [dict.fromkeys(CODES, Decimal(score)) for score in (10, 80, 100)]
    assert explained(panel, Decimal(80), content)["total"] == "80.0000"


def _with(path: list[Any], value: Any) -> dict[str, Any]:
    content: Any = copy.deepcopy(CONTENT)
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["groups", 0, "criteria", 0, "weight"], "0.11"),
        (["groups", 0, "criteria", 0, "weight"], "-0.10"),
        (["groups", 0, "criteria", 0, "max"], "10"),
        (["groups", 0, "criteria", 0, "code"], "grassland"),
        (["expert_weight"], "0.8"),
        (["bands", 1, "below"], "89"),
        (["bands", 0, "below"], "100"),
        (["bands", 3, "lowest"], "1"),
        (["bands", 0, "lowest"], "101"),
        (["bands"], []),
        (["panel", "quorum"], 4),
        (["trim_each_end"], 2),
        (["groups"], []),
    ],
)
def test_a_method_that_does_not_add_up_is_refused(path: list[Any], value: Any) -> None:
    with pytest.raises(SchemeError):
        scheme_of(_with(path, value))


@given(st.decimals(min_value=0, max_value=100, places=4), st.integers(0, 6))
def test_a_number_has_one_text(value: Decimal, zeros: int) -> None:
    padded = Decimal(format(value, "f") + "0" * zeros)
    assert plain(padded) == plain(value)
    assert Decimal(plain(value)) == value


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_nothing_is_judged_while_anything_is_in_the_way(
    stale: bool, blocked: bool, complete: bool, pending: bool
) -> None:
    refusal = Gates(stale, blocked, complete, pending).refusal
    assert (refusal is None) == (complete and not (stale or blocked or pending))


@given(st.sampled_from(FileState), st.booleans(), st.booleans(), st.booleans())
def test_after_settling_a_result_stands_on_whole_inputs_only(
    state: FileState, touched: bool, had_result: bool, whole: bool
) -> None:
    had_result = had_result or state in RESULT_STANDS
    after = settle(state, touched=touched, had_result=had_result, whole=whole)
    assert not after.compute or (had_result and whole)
    if state is FileState.PUBLISHED:
        assert after.state is state
    elif touched and after.state in RESULT_STANDS:
        # What stands after a recusal was computed anew, and is not approved yet.
        assert (after.state, after.compute) == (FileState.GRADED, True)
    if not touched and state is not FileState.APPRAISED:
        assert (after.state, after.compute) == (state, False)
