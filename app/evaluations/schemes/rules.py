"""An evaluation method (评估办法, Art. 8) as data, and the one way from sheets to a grade (等次, Art. 10).

Decimal throughout. A total is exact until its one rounding (half up, four places); bands are half-open and are
read with the rounded total.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

FULL = Decimal(100)
_WHOLE = Decimal(1)
_PLACES = Decimal("0.0001")
# Room for every product and sum to be exact: scores and weights have a handful of digits each.
_EXACT = Context(prec=60)


class SchemeError(ValueError):
    """The method is not one that every sheet and every total can be judged by."""


class SheetError(ValueError):
    """A sheet that does not score exactly the method's criteria within their bounds."""


@dataclass(frozen=True, slots=True)
class Criterion:
    code: str
    name: str
    weight: Decimal
    value_required: bool
    sources: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A grade from `lowest` (included) to `below` (not included); the best one has no upper end."""

    code: str
    name_zh: str
    lowest: Decimal
    below: Decimal | None

    def holds(self, total: Decimal) -> bool:
        return self.lowest <= total and (self.below is None or total < self.below)


@dataclass(frozen=True, slots=True)
class Days:
    """Clocks of the method, in working days."""

    fact_check: int = 5
    notice: int = 5
    objection_answer: int = 15
    improvement_plan: int = 20


@dataclass(frozen=True, slots=True)
class Veto:
    """What happened that no score outweighs (一票否决、降档): the best grade that is left."""

    code: str
    name_zh: str
    best_grade: str


@dataclass(frozen=True, slots=True)
class ShareCap:
    """At most this share of the cycle's regions gets the grade; `rounding` of the count: floor, half_up or ceiling."""

    grade: str
    share: Decimal
    rounding: str


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a method may leave out has the default here: methods from before it was thought of stand as they are."""

    criteria: tuple[Criterion, ...]
    expert_weight: Decimal
    appraisal_weight: Decimal
    trim_each_end: int
    bands: tuple[Band, ...]
    seats: int
    reserves: int
    quorum: int
    stages: tuple[str, ...] = ("material_review",)
    days: Days = Days()
    # Of a sheet's worth from the panel's mean, beyond which the panel discusses; None: never.
    spread_limit: Decimal | None = None
    # Of the appraisal from the experts' mean, beyond which it is refused; None: no limit.
    adjustment_limit: Decimal | None = None
    # Of a verified figure from the reported one, as a share, beyond which the difference needs a reason.
    tolerance: Decimal = Decimal(0)
    vetoes: tuple[Veto, ...] = ()
    share_cap: ShareCap | None = None


def scheme_of(content: Mapping[str, Any]) -> Scheme:
    """The method that the content states. Raises `SchemeError` where it does not add up."""
    scheme = Scheme(
        criteria=tuple(_criterion(stated) for group in content["groups"] for stated in group["criteria"]),
        expert_weight=Decimal(content["expert_weight"]),
        appraisal_weight=Decimal(content["appraisal_weight"]),
        trim_each_end=content["trim_each_end"],
        bands=tuple(_band(stated) for stated in content["bands"]),
        seats=content["panel"]["seats"],
        reserves=content["panel"]["reserves"],
        quorum=content["panel"]["quorum"],
        stages=tuple(content.get("stages", ("material_review",))),
        days=Days(**content.get("working_days", {})),
        spread_limit=_decimal(content.get("spread_limit")),
        adjustment_limit=_decimal(content.get("adjustment_limit")),
        tolerance=Decimal(content.get("tolerance", "0")),
        vetoes=tuple(Veto(v["code"], v["name_zh"], v["best_grade"]) for v in content.get("vetoes", ())),
        share_cap=_cap(content.get("share_cap")),
    )
    faults = [words for words, holds in _demands(scheme, content) if not holds]
    if faults:
        raise SchemeError("; ".join(faults))
    return scheme


def _demands(scheme: Scheme, content: Mapping[str, Any]) -> list[tuple[str, bool]]:
    codes = [criterion.code for criterion in scheme.criteria]
    ends: list[Decimal | None] = [None, *(band.lowest for band in scheme.bands)]
    return [
        ("criteria have codes of their own", bool(codes) and len(set(codes)) == len(codes)),
        ("criteria are scored from 0 to 100", all(_full(c) for g in content["groups"] for c in g["criteria"])),
        ("no weight is negative", all(criterion.weight >= 0 for criterion in scheme.criteria)),
        ("the criteria's weights are one whole", sum(c.weight for c in scheme.criteria) == _WHOLE),
        ("the two parts are one whole", scheme.expert_weight + scheme.appraisal_weight == _WHOLE),
        ("no part is negative", min(scheme.expert_weight, scheme.appraisal_weight) >= 0),
        ("bands meet, from the best downwards", [band.below for band in scheme.bands] == ends[:-1]),
        ("bands have a width", all(b.below is None or b.lowest < b.below for b in scheme.bands)),
        ("bands reach from 0 to 100", bool(scheme.bands) and ends[-1] == 0 and scheme.bands[0].lowest <= FULL),
        ("the quorum outlasts the trimming", 2 * scheme.trim_each_end < scheme.quorum <= scheme.seats),
    ]


def _full(stated: Mapping[str, Any]) -> bool:
    return Decimal(stated["max"]) == FULL


def _criterion(stated: Mapping[str, Any]) -> Criterion:
    return Criterion(
        stated["code"],
        stated["name_zh"],
        Decimal(stated["weight"]),
        stated["value"] == "required",
        tuple((source["kind"], source["of"]) for source in stated["sources"]),
    )


def _band(stated: Mapping[str, Any]) -> Band:
    below = stated["below"]
    return Band(stated["code"], stated["name_zh"], Decimal(stated["lowest"]), None if below is None else Decimal(below))


def _decimal(stated: str | None) -> Decimal | None:
    return None if stated is None else Decimal(stated)


def _cap(stated: Mapping[str, Any] | None) -> ShareCap | None:
    return None if stated is None else ShareCap(stated["grade"], Decimal(stated["share"]), stated["rounding"])


def for_panel(scheme: Scheme) -> list[dict[str, str]]:
    """The criteria as a panel of reviewers takes them."""
    return [{"code": c.code, "name": c.name, "max": plain(FULL), "weight": plain(c.weight)} for c in scheme.criteria]


def grade_of(total: Decimal, bands: Iterable[Band]) -> Band:
    """The one band that holds a total from 0 to 100."""
    return next(band for band in bands if band.holds(total))


def total_of(scheme: Scheme, sheets: Sequence[Mapping[str, Decimal]], appraisal: Decimal) -> Decimal:
    """expert_weight × the mean of the sheets + appraisal_weight × the appraisal; rounded once, here.

    A sheet is worth the sum of weight × score. `trim_each_end` sheets of the lowest and of the highest worth are
    left out. Raises `SheetError` for a sheet of other criteria, or for fewer sheets than the quorum.
    """
    if len(sheets) < scheme.quorum:
        raise SheetError("fewer sheets than the quorum")
    with localcontext(_EXACT):
        kept = trimmed(sorted(worth(scheme, sheet) for sheet in sheets), scheme.trim_each_end)
        # One division, after everything that is exact.
        count = Decimal(len(kept))
        exact = (scheme.expert_weight * sum(kept, Decimal(0)) + scheme.appraisal_weight * appraisal * count) / count
        return exact.quantize(_PLACES, rounding=ROUND_HALF_UP)


def worth(scheme: Scheme, sheet: Mapping[str, Decimal]) -> Decimal:
    if sheet.keys() != {criterion.code for criterion in scheme.criteria}:
        raise SheetError("a sheet scores exactly the criteria of its method")
    if not all(0 <= score <= FULL for score in sheet.values()):
        raise SheetError("a score is out of bounds")
    with localcontext(_EXACT):
        return sum((c.weight * sheet[c.code] for c in scheme.criteria), Decimal(0))


def trimmed(ordered: Sequence[Decimal], each_end: int) -> Sequence[Decimal]:
    return ordered[each_end : len(ordered) - each_end]


def plain(value: Decimal) -> str:
    """One text per number, whatever trailing zeros it came with."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
