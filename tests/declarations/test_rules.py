"""The pure rules of Art. 11: what a declaration and a recusal must say, and what a check concludes."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import FieldError, Reason
from app.core.workflow import OUTSIDE_GRANT, SAME_PERSON, WRONG_STATE, Actor, Side
from app.declarations import rules
from app.declarations.eligibility.rules import Finding, Outcome, outcome
from app.declarations.recusals.rules import (
    APPLICATIONS,
    LIFE,
    NOT_ONESELF,
    UNDECIDED,
    BarredFrom,
    Decision,
    Initiation,
    named,
    person_faults,
    subject_faults,
)
from app.models.base import SubjectKind
from app.models.declarations import RecusalState

ONE, OTHER = UUID(int=1), UUID(int=2)
REGION = BarredFrom(SubjectKind.REGION, "152501")
CASE = BarredFrom(SubjectKind.CASE, ONE)


@pytest.mark.parametrize(
    ("has_interests", "interests", "faults"),
    [
        (False, [], []),
        (True, ["a"], []),
        (True, ["a", "b"], []),
        (True, [], [FieldError("/interests", "required")]),
        (False, ["a"], [FieldError("/has_interests", "invalid_value")]),
        (
            True,
            ["a", "b", "a", "b"],
            [FieldError("/interests/2", "duplicate"), FieldError("/interests/3", "duplicate")],
        ),
    ],
)
def test_interests_are_stated_or_denied(has_interests: bool, interests: list[str], faults: list[FieldError]) -> None:
    assert rules.interest_faults(has_interests=has_interests, interests=interests) == faults


def test_a_year_is_the_running_one() -> None:
    assert rules.year_faults(2026, 2026) == []
    for year in (2025, 2027):
        assert rules.year_faults(year, 2026) == [FieldError("/year", "out_of_range")]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (rules.COMMITMENT_EXISTS, "commitment_exists"),
        (rules.DECLARATION_EXISTS, "declaration_exists"),
        (rules.NOT_ELIGIBLE, "ineligible"),
        (NOT_ONESELF, "same_person"),
    ],
)
def test_reasons_say_it_in_both_languages(reason: Reason, code: str) -> None:
    assert reason.code == code
    assert any("\u4e00" <= letter <= "\u9fff" for letter in reason.zh)
    assert reason.en.isascii()
    assert "XX" not in reason.zh + reason.en


def test_a_subject_as_walls_have_it() -> None:
    assert REGION.wall == "region:152501"
    assert CASE.wall == f"case:{ONE}"
    assert CASE.id_of(SubjectKind.CASE) == ONE
    assert CASE.id_of(SubjectKind.PROJECT) is None
    assert REGION.id_of(SubjectKind.REGION) is None


def test_subjects_are_named_in_their_order() -> None:
    assert named((None, None, None, None)) == ()
    every = named(("152501", ONE, OTHER, ONE))
    assert [subject.kind for subject in every] == [
        SubjectKind.REGION,
        SubjectKind.ORGANISATION,
        SubjectKind.PROJECT,
        SubjectKind.CASE,
    ]
    assert named((None, None, OTHER, None)) == (BarredFrom(SubjectKind.PROJECT, OTHER),)
    with pytest.raises(ValueError, match="zip"):
        named(("152501",))


def test_a_recusal_is_from_exactly_one_subject() -> None:
    assert subject_faults([REGION]) == []
    assert subject_faults([]) == [FieldError("/region_code", "required")]
    assert subject_faults([], base="/interests/0") == [FieldError("/interests/0/region_code", "required")]
    assert subject_faults([], needed=False) == []
    project = BarredFrom(SubjectKind.PROJECT, ONE)
    organisation = BarredFrom(SubjectKind.ORGANISATION, ONE)
    assert subject_faults([REGION, organisation, project, CASE], base="/x") == [
        FieldError("/x/organisation_id", "too_many"),
        FieldError("/x/project_id", "too_many"),
        FieldError("/x/case_id", "too_many"),
    ]


def test_ones_own_names_nobody_and_any_other_somebody_else() -> None:
    wrong, missing = [FieldError("/person_id", "invalid_value")], [FieldError("/person_id", "required")]
    assert person_faults(Initiation.SELF, None, ONE) == []
    assert person_faults(Initiation.SELF, ONE, ONE) == []
    assert person_faults(Initiation.SELF, OTHER, ONE) == wrong
    for initiation in (Initiation.EX_OFFICIO, *APPLICATIONS):
        assert person_faults(initiation, None, ONE) == missing
        assert person_faults(initiation, ONE, ONE) == wrong
        assert person_faults(initiation, OTHER, ONE) == []


def test_the_closed_sets() -> None:
    assert frozenset({"interested_party", "informant"}) == APPLICATIONS
    assert set(UNDECIDED) == {"pending", "provisional"}
    assert set(Initiation) == {"self", "interested_party", "informant", "ex_officio"}
    assert set(Decision) == {"in_force", "rejected"}


def _decider(**more: object) -> Actor:
    stated = {
        "id": ONE,
        "scopes": frozenset({"recusals:decide"}),
        "on_side": frozenset({Side.LEAGUE}),
        "recused": False,
    }
    return Actor(**{**stated, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", RecusalState)
def test_what_may_be_done_in_which_state(state: RecusalState) -> None:
    decide, lift = (LIFE.judge(action, state, _decider()) for action in ("decide", "lift"))
    assert decide.refusal == (None if state in {"pending", "provisional"} else WRONG_STATE)
    assert lift.refusal == (None if state == "in_force" else WRONG_STATE)


def test_who_may_decide_and_lift() -> None:
    assert LIFE.name == "recusal"
    assert set(LIFE.transitions) == {"decide", "lift"}
    for action, state, act in (("decide", "pending", "initiate"), ("lift", "in_force", "propose")):
        assert LIFE.judge(action, state, _decider(), {act: ONE}).refusal == SAME_PERSON
        assert LIFE.judge(action, state, _decider(), {act: OTHER}).refusal is None
        # Only that act's author is barred from it.
        assert LIFE.judge(action, state, _decider(), {"another": ONE}).refusal is None
        region = _decider(on_side=frozenset({Side.REGION}))
        assert LIFE.judge(action, state, region).refusal == OUTSIDE_GRANT
        refusal = LIFE.judge(action, state, _decider(scopes=frozenset({"recusals:apply"}))).refusal
        assert refusal is not None
        assert refusal.code == "scope_missing"


_FINDING = st.builds(Finding, st.just("x"), st.booleans(), st.booleans(), st.none())


@given(st.lists(_FINDING, max_size=6))
def test_a_known_bar_outweighs_a_missing_fact_and_hints_decide_nothing(findings: list[Finding]) -> None:
    known = any(finding.bars and not finding.is_unknown for finding in findings)
    missing = any(finding.bars and finding.is_unknown for finding in findings)
    expected = Outcome.INELIGIBLE if known else Outcome.UNKNOWN if missing else Outcome.ELIGIBLE
    assert outcome(findings) is expected
    assert outcome(iter(findings)) is expected
