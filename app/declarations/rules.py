"""What a declaration must say: pure rules."""

from collections.abc import Hashable, Sequence

from app.core.errors import FieldError, Reason

COMMITMENT_EXISTS = Reason("commitment_exists", "本年度已作出承诺", "The commitment of this year is made")
DECLARATION_EXISTS = Reason("declaration_exists", "该申报已提交", "This declaration is made")
NOT_ELIGIBLE = Reason("ineligible", "不符合评审、评议条件", "Not eligible for this review or appraisal")


def interest_faults(*, has_interests: bool, interests: Sequence[Hashable]) -> list[FieldError]:
    """Interests are stated or denied, never left open; the same one is stated once."""
    if has_interests and not interests:
        return [FieldError("/interests", "required")]
    if interests and not has_interests:
        return [FieldError("/has_interests", "invalid_value")]
    return [
        FieldError(f"/interests/{index}", "duplicate")
        for index, interest in enumerate(interests)
        if interest in interests[:index]
    ]


def year_faults(year: int, current: int) -> list[FieldError]:
    """Commitments and declarations are for the running year of the league's calendar."""
    return [] if year == current else [FieldError("/year", "out_of_range")]
