"""The pure rules: totals, the draw, seats, quorum."""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal, localcontext
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import digest
from app.models.reviews import LIVE, AssignmentState, SubjectOfReview
from app.reviews import rules
from app.reviews.rules import Criterion, PanelState
from app.reviews.seeds.rules import drawn_in_order
from tests.reviews.scene import CRITERIA, SCORES, TOTAL

PEOPLE = st.lists(st.uuids(version=4), unique=True, max_size=30)
SEEDS = st.binary(min_size=32, max_size=32).map(bytes.hex)
NAMES = st.lists(SEEDS, unique=True, max_size=30)
AMOUNTS = st.decimals(min_value="0.01", max_value="100", places=2)


@st.composite
def marked(draw: st.DrawFn) -> tuple[list[Criterion], dict[str, Decimal]]:
    """Criteria with a score for each."""
    count = draw(st.integers(1, 8))
    criteria = [Criterion(f"c{i}", "示例", draw(AMOUNTS), draw(AMOUNTS)) for i in range(count)]
    return criteria, {c.code: draw(st.decimals(min_value=0, max_value=c.max, places=2)) for c in criteria}


def test_a_total_by_hand() -> None:
    scores = {code: Decimal(score) for code, score in SCORES.items()}
    assert str(rules.total(scores, rules.criteria_of(CRITERIA))) == TOTAL


@given(marked())
def test_totals_are_exact_until_one_rounding(marks: tuple[list[Criterion], dict[str, Decimal]]) -> None:
    criteria, scores = marks
    with localcontext() as context:
        context.prec = 200
        reached = sum((c.weight * scores[c.code] / c.max for c in criteria), Decimal(0))
        exact = 100 * reached / sum((c.weight for c in criteria), Decimal(0))
        wanted = exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    found = rules.total(scores, criteria)
    assert found == wanted
    assert found.as_tuple().exponent == -4
    assert 0 <= found <= 100


@given(marked(), st.integers(2, 50))
def test_only_the_share_of_a_weight_counts(marks: tuple[list[Criterion], dict[str, Decimal]], times: int) -> None:
    criteria, scores = marks
    heavier = [Criterion(c.code, c.name, c.max, c.weight * times) for c in criteria]
    assert rules.total(scores, heavier) == rules.total(scores, list(reversed(criteria)))


def test_half_of_the_last_place_goes_up() -> None:
    criteria = [Criterion("a", "示例", Decimal(10), Decimal(1)), Criterion("b", "示例", Decimal(100), Decimal(199))]
    # 100 × (1 × 0.01 / 10) / 200 = 0.0005 as it is; over 400 it is 0.00025, which becomes 0.0003.
    assert str(rules.total({"a": Decimal("0.01"), "b": Decimal(0)}, criteria)) == "0.0005"
    halved = [criteria[0], Criterion("b", "示例", Decimal(100), Decimal(399))]
    assert str(rules.total({"a": Decimal("0.01"), "b": Decimal(0)}, halved)) == "0.0003"


@pytest.mark.parametrize(
    "criteria",
    [
        [],
        [{**CRITERIA[0], "max": "0"}],
        [{**CRITERIA[0], "weight": "-1"}],
        [{**CRITERIA[0], "weight": "0"}],
        [CRITERIA[0], CRITERIA[0]],
    ],
)
def test_criteria_without_a_total_are_refused(criteria: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="criteria"):
        rules.criteria_of(criteria)


def test_faults_of_a_sheet_all_at_once() -> None:
    criteria = rules.criteria_of(CRITERIA)
    scores = {"innovation": Decimal("10.01"), "results": Decimal("-0.01"), "a/b~": Decimal(1)}
    partly = {(f.pointer, f.code) for f in rules.score_faults(scores, criteria, whole=False)}
    assert partly == {
        ("/scores/innovation", "out_of_range"),
        ("/scores/results", "out_of_range"),
        ("/scores/a~1b~0", "unknown_field"),
    }
    whole = {(f.pointer, f.code) for f in rules.score_faults(scores, criteria, whole=True)}
    assert whole == partly | {("/scores/regularity", "required")}
    bounds = {"innovation": Decimal(0), "results": Decimal(10), "regularity": Decimal("5.00")}
    assert rules.score_faults(bounds, criteria, whole=True) == []


@given(SEEDS, NAMES, st.randoms(use_true_random=False))
def test_the_same_seed_draws_the_same(seed: str, people: list[str], shuffler: Random) -> None:
    other = list(people)
    shuffler.shuffle(other)
    drawn = drawn_in_order(seed, people)
    assert drawn == drawn_in_order(seed, other)
    assert sorted(drawn) == sorted(people)


@given(SEEDS, NAMES, st.data())
def test_who_is_not_in_the_list_changes_nothing_between_the_others(
    seed: str, people: list[str], data: st.DataObject
) -> None:
    """So that nobody is moved by somebody's falling out, and nobody who is out is ever drawn."""
    some = data.draw(st.sets(st.sampled_from(people))) if people else set()
    left = [person for person in drawn_in_order(seed, people) if person not in some]
    assert left == drawn_in_order(seed, [person for person in people if person not in some])


def test_everybody_is_drawn_alike() -> None:
    """Chi-square over 6,000 seeds, 6 people, first place: 5 degrees of freedom, 20.5 is the 0.1 % bound."""
    people = [UUID(int=index).hex for index in range(6)]
    for place in (0, 3, 5):
        first = Counter(drawn_in_order(f"seed-{n}", people)[place] for n in range(6000))
        assert sum((first[person] - 1000) ** 2 / 1000 for person in people) < 20.5


@given(vacant=st.integers(-3, 8), wanted=st.integers(0, 5), waiting=PEOPLE, drawn=PEOPLE)
def test_reserves_sit_before_anybody_is_drawn(vacant: int, wanted: int, waiting: list[UUID], drawn: list[UUID]) -> None:
    drawn = [person for person in drawn if person not in waiting]
    seating = rules.seating(vacant=vacant, wanted_reserves=wanted, waiting=waiting, drawn=drawn)
    assert list(seating.promoted) == waiting[: max(vacant, 0)]
    assert len(seating.promoted) + len(seating.seated) == min(
        max(vacant, 0), len(waiting[: max(vacant, 0)]) + len(drawn)
    )
    assert list(seating.seated + seating.reserves) == drawn[: len(seating.seated) + len(seating.reserves)]
    left = len(waiting) - len(seating.promoted)
    assert left + len(seating.reserves) <= max(wanted, left)
    if seating.promoted != tuple(waiting):
        assert seating.seated == ()


STATES = st.lists(st.sampled_from(sorted(AssignmentState)), max_size=9)


@given(STATES, st.integers(1, 7), st.data(), st.booleans())
def test_quorum(members: list[str], seats: int, data: st.DataObject, formed: bool) -> None:
    quorum = data.draw(st.integers(1, seats))
    live = [state for state in members if state in LIVE]
    found = rules.panel_state(seats=seats, quorum=quorum, formed=formed, members=members)
    match found:
        case PanelState.FORMING:
            assert not formed
            assert len(live) < seats
        case PanelState.BLOCKED_QUORUM:
            assert len(live) < quorum
        case PanelState.COMPLETE:
            assert set(live) == {"done"}
            assert len(live) >= quorum
        case PanelState.REVIEWING:
            assert len(live) >= quorum
            assert set(live) != {"done"}
    assert found == rules.panel_state(seats=seats, quorum=quorum, formed=formed, members=reversed(members))


def test_the_table_of_an_assignment() -> None:
    """Nothing leads back, nothing leads out of `done`; suspended and voided are the gate's."""
    for kind in SubjectOfReview:
        table = {
            (source, action): transition.target
            for action, transition in rules.ASSIGNMENT[kind].transitions.items()
            for source in transition.sources
        }
        assert table == {
            ("invited", "accept"): "accepted",
            ("invited", "decline"): "declined",
            ("accepted", "decline"): "declined",
            ("declared", "decline"): "declined",
            ("accepted", "declare-conflict"): "declared",
            ("declared", "score"): None,
            ("declared", "submit"): "done",
        }
        scopes = {action: t.scope for action, t in rules.ASSIGNMENT[kind].transitions.items()}
        assert {scopes["score"], scopes["submit"]} == {f"{kind}s:review"}


def test_digest_ignores_the_order_of_members() -> None:
    assert digest({"b": "示例", "a": [1, 2]}) == digest({"a": [1, 2], "b": "示例"})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
