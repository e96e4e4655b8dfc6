"""Rules of the judgement on one case (Art. 12, 13): its total, and what a recusal after the fact leaves of it.

Decimal throughout, exact until the one rounding (half up, four places).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from app.evaluations.schemes.rules import plain
from app.models.cases import CaseFileState
from app.reviews.rules import criteria_of

_PLACES = Decimal("0.0001")
_FULL = Decimal(100)
# Room for every product and sum to be exact: scores and weights have a handful of digits each.
_EXACT = Context(prec=60)

# In these a total stands.
SCORED = frozenset({CaseFileState.SCORED, CaseFileState.SELECTED, CaseFileState.NOT_SELECTED, CaseFileState.PUBLISHED})
# In these a selection of the round has spoken.
DECIDED = frozenset({CaseFileState.SELECTED, CaseFileState.NOT_SELECTED})


def explain(criteria: Sequence[Mapping[str, str]], sheets: Sequence[Mapping[str, Decimal]]) -> dict[str, Any]:
    """A total with everything needed to compute it again: the sheets as a sorted multiset, without seat or author."""
    codes = [criterion["code"] for criterion in criteria]
    ordered = sorted(sheets, key=lambda sheet: [sheet[code] for code in codes])
    return {
        "criteria": [dict(criterion) for criterion in criteria],
        "sheets": [{code: plain(sheet[code]) for code in codes} for sheet in ordered],
        "total": format(total_of(criteria, sheets), "f"),
    }


def total_of(criteria: Sequence[Mapping[str, str]], sheets: Sequence[Mapping[str, Decimal]]) -> Decimal:
    """The mean of the sheets, each the weighted mean of its scores, on a scale of 100; rounded once, here.

    The weights are together 100, and every criterion is scored from 0 to 100.
    """
    if not sheets:
        raise ValueError("a total takes a sheet")
    with localcontext(_EXACT):
        worth = sum((c.weight * sheet[c.code] for c in criteria_of(criteria) for sheet in sheets), Decimal(0))
        # One division, after everything that is exact.
        return (worth / (_FULL * len(sheets))).quantize(_PLACES, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a file is left with once its panel moved. `compute`: its total is to be computed anew."""

    state: CaseFileState
    compute: bool


def settle(state: CaseFileState, *, touched: bool, whole: bool) -> Settlement:
    """`touched`: a recusal marked the file. `whole`: the panel is complete and no application is undecided.

    A selection does not outlive what it was made of: it has to be made again. A publication stands as it is.
    """
    if not touched or state in {CaseFileState.UNDER_REVIEW, CaseFileState.PUBLISHED}:
        return Settlement(state, compute=False)
    return Settlement(CaseFileState.SCORED if whole else CaseFileState.UNDER_REVIEW, compute=whole)
