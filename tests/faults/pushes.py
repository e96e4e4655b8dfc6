"""Random pushes: what is new, changed, unchanged, broken and doubled, with options of every kind (pure)."""

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.faults.library import STAGES, SUSPENDED, Kept, Library, Options, Sent
from tests.imports.pushing import REGIONS, Row

MODES = ("ecological_agriculture", "ecological_tourism", "ecological_compensation", "ecological_restoration")
SMALL, LARGE = (20, 200), (1_005, 1_080)
_IDS = 1_100
_ENTITIES = 400
# Each change gives the worker a job: of a large push most rows say what they said.
_CHANGED = {"small": 0.3, "large": 0.05}
_BROKEN: tuple[tuple[Row, tuple[str, str]], ...] = (
    ({"primary_mode": "魔法"}, ("/primary_mode", "invalid_choice")),
    ({"name": ""}, ("/name", "too_short")),
    ({"region_code": "152599"}, ("/region_code", "outside_regions")),
    ({"unknown": 1}, ("/unknown", "unknown_field")),
)


@dataclass(frozen=True)
class Push:
    sent: list[Sent]
    options: Options
    body: bytes

    @property
    def size(self) -> str:
        return "large" if len(self.sent) > 1_000 else "small"


def whole(sent: list[Sent], options: Options) -> Push:
    return Push(sent, options, b"".join(_line(row) for row in sent))


def draw(chance: random.Random, library: Library, size: str, options: Options | None = None) -> Push:
    chosen = options or _options(chance)
    count = chance.randint(*(LARGE if size == "large" else SMALL))
    ids = {f"F-{number:05}" for number in chance.sample(range(_IDS), count)}
    if chosen.on_missing == "leave":
        # A full push names the members, but for a few that are gone.
        members = sorted(key for key, kept in library.projects.items() if kept.membership == "in_library")
        gone = chance.sample(members, min(len(members), chance.randint(0, 2)))
        ids = (ids | set(members)) - set(gone)
    order = sorted(ids)
    chance.shuffle(order)
    # Every other push is whole: an atomic or a full one with a broken row does nothing.
    spoiled = 0.0 if chance.random() < 0.5 else 0.04
    sent = [_sent(chance, key, library.projects.get(key), spoiled, _CHANGED[size]) for key in order]
    if spoiled:
        again = [row.document for row in chance.sample(sent, 3) if row.document is not None and row.fault is None]
        sent += [Sent({**row, "name": "又一次（示例）"}) for row in again]
        sent.append(Sent(None, ("", "malformed_json")))
    return whole(sent, chosen)


def fresh(chance: random.Random, external_id: str) -> Row:
    """A whole row; the region is the id's, for a project stays in its own."""
    mode, *others = chance.sample(MODES, 3)
    return {
        "external_id": external_id,
        "name": f"示例项目{external_id}-{chance.randrange(10_000)}（示例）",
        "region_code": REGIONS[int(external_id[2:]) % len(REGIONS)],
        "primary_mode": mode,
        "secondary_modes": others[: chance.randint(0, 2)],
        "investment_entity": {"name": f"示例单位{chance.randrange(_ENTITIES):04}（示例）", "kind": "enterprise"},
        "construction_content": "草畜平衡核定、载畜量监测、补偿资金绩效发放",
        "building_stage": chance.choice(STAGES),
        "starts_on": f"2026-{chance.randint(1, 12):02}-01",
        "ends_on": "2028-10-30",
        "funding": [
            {"source": "own_funds", "year": 2026, "planned": f"{chance.randrange(10**6)}.00", "done": "1000.00"},
            {"source": "special_bond", "planned": f"{chance.randrange(10**6)}.50", "done": "0.00"},
        ][: chance.randint(0, 2)],
        "expected_benefits": _benefits(chance),
        "location": {"type": "Point", "coordinates": [112.0161, chance.choice([43.5302, 43.75, 44.0])]},
    }


def _options(chance: random.Random) -> Options:
    return Options(
        mode=chance.choice(["partial", "partial", "atomic"]),
        strategy=chance.choice(["upsert"] * 5 + ["create", "update"]),
        on_missing=chance.choice(["ignore", "ignore", "ignore", "leave"]),
        dry_run=chance.random() < 0.15,
    )


def _sent(chance: random.Random, key: str, held: Kept | None, spoiled: float, changed: float) -> Sent:
    row = fresh(chance, key) if held is None else _again(chance, key, held, changed)
    if chance.random() < spoiled:
        wrong, fault = chance.choice(_BROKEN)
        return Sent({**row, **wrong}, fault)
    # Often enough a step back without a reason, which only a push that may be spoiled has.
    if not spoiled or chance.random() < 0.95:
        row["stage_reason"] = "示例：资金到位情况变化"
    if chance.random() < 0.1:
        row.pop(chance.choice(["location", "funding"]))
    return Sent(row)


def _again(chance: random.Random, key: str, held: Kept, changed: float) -> Row:
    """As its source said it last, or changed in some members."""
    said = held.said
    row: Row = {
        **fresh(chance, key),
        **{name: value for name, value in said.items() if name not in {"investment_entity", "funding"}},
        "investment_entity": {"name": said["investment_entity"], "kind": "enterprise"},
        "funding": [{name: v for name, v in line.items() if v is not None} for line in said["funding"]],
    }
    if chance.random() >= changed:
        return row
    other = fresh(chance, key)
    if chance.random() < 0.1:
        other["building_stage"] = SUSPENDED
    members = ["name", "building_stage", "investment_entity", "starts_on", "funding", "location", "expected_benefits"]
    return {**row, **{name: other[name] for name in chance.sample(members, chance.randint(1, 3))}}


def _benefits(chance: random.Random) -> dict[str, Any]:
    return {
        "jobs": chance.randint(1, 300),
        "households": 12,
        "household_income_increase": f"{chance.randrange(1, 9_000)}.00",
        "collective_income": None,
        "restored_area_mu": None,
    }


def _line(row: Sent) -> bytes:
    return (b"{broken" if row.document is None else json.dumps(row.document, ensure_ascii=False).encode()) + b"\n"
