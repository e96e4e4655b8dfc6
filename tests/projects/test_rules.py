"""The pure rules: stages, comparisons, sums; and how a push's names are folded."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.imports.rules import folded, outcome
from app.models.projects import BuildingStage, Membership
from app.projects import content, rules
from app.projects.content import FundingLine, Values
from app.projects.render import totals

_money = st.decimals(min_value=0, max_value=10**13, places=2)
_lines = st.lists(
    st.builds(
        FundingLine,
        st.sampled_from(["central", "county", "bank_loan"]),
        st.one_of(st.none(), st.integers(2000, 2100)),
        _money,
        _money,
    ),
    max_size=12,
)


def values(**more: Any) -> Values:
    empty: Values = {
        **dict.fromkeys(content.COLUMNS),
        "secondary_modes": [],
        "funding": (),
        "building_stage": "reserve",
    }
    return {**empty, "name": "示例项目（示例）", **more}


@given(_lines)
def test_totals_add_up(lines: list[FundingLine]) -> None:
    told = totals(lines)
    assert told.planned == sum(line.planned for line in lines)
    assert told.done == sum(line.done for line in lines)
    if told.by_year:
        assert told.by_year[-1].cumulative_planned + told.whole_life_planned == told.planned
        assert told.by_year[-1].cumulative_done + told.whole_life_done == told.done
    assert [year.year for year in told.by_year] == sorted({line.year for line in lines if line.year is not None})


@given(st.lists(st.sampled_from("abc"), max_size=5), _lines, st.randoms())
def test_order_and_scale_are_no_difference(modes: list[str], lines: list[FundingLine], random: Any) -> None:
    shuffled, others = list(lines), list(modes)
    random.shuffle(shuffled)
    random.shuffle(others)
    before = values(secondary_modes=modes, funding=tuple(lines), expected_collective_income=Decimal("5"))
    after = values(secondary_modes=others, funding=tuple(shuffled), expected_collective_income=Decimal("5.00"))
    same_keys = len({(line.source, line.year) for line in lines}) == len(lines)
    assert not set(content.differences(before, after)) - ({"funding"} if not same_keys else set())


@given(st.sampled_from(BuildingStage), st.sampled_from(BuildingStage))
def test_of_two_opposite_steps_exactly_one_needs_a_reason(current: BuildingStage, to: BuildingStage) -> None:
    needed = rules.stage_needs_reason(current, to), rules.stage_needs_reason(to, current)
    assert sorted(needed) == ([False, False] if current == to else [False, True])


@given(_lines)
def test_a_source_is_counted_once(lines: list[FundingLine]) -> None:
    faulty = {error.code for error in content.inconsistencies(values(funding=tuple(lines)))}
    keys = [(line.source, line.year) for line in lines]
    assert ("duplicate" in faulty) == (len(set(keys)) < len(keys))
    whole = {source for source, year in keys if year is None}
    assert ("mixed_years" in faulty) == any(source in whole and year is not None for source, year in keys)


def test_every_act_is_known_and_every_membership_reached() -> None:
    reached = {line.target for line in rules.LIBRARY.transitions.values()} - {None}
    assert reached == set(Membership) - {Membership.DRAFT}
    assert all(line.sources for line in rules.LIBRARY.transitions.values())


def test_folding_tells_names_apart_by_their_letters_only() -> None:
    assert folded("“生态＋” 复合产业") == folded("'生态+'复合产业") == "生态+复合产业"
    assert folded("生态农业") != folded("生态工业")


@given(st.integers(1, 1_000), st.data(), st.booleans())
def test_the_outcome_says_what_was_applied(total: int, data: st.DataObject, atomic: bool) -> None:
    rejected = data.draw(st.integers(0, total))
    told = outcome(total=total, rejected=rejected, atomic=atomic)
    applied = 0 if atomic and rejected else total - rejected
    assert told == ("succeeded" if not rejected else "partial" if applied else "rejected")
