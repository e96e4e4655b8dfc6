"""What the library must be after a push, by the documented rules and nothing else (pure): the judge's own book.

It is written from the README and the issue, not from the product's statements, and never read back from the database.
"""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.imports.pushing import Row

STAGES = ("reserve", "preparation", "construction", "completed", "operation")
SUSPENDED = "suspended"
BENEFITS = ("jobs", "households", "household_income_increase", "collective_income", "restored_area_mu")
Fault = tuple[str, str]


@dataclass(frozen=True)
class Sent:
    """A row of the body: `document` is None where the line is no JSON; `fault` is what its reader finds wrong."""

    document: Row | None
    fault: Fault | None = None


@dataclass(frozen=True)
class Options:
    mode: str = "partial"
    strategy: str = "upsert"
    on_missing: str = "ignore"
    dry_run: bool = False

    @property
    def query(self) -> str:
        told = {**vars(self), "dry_run": str(self.dry_run).lower()}
        return "?" + "&".join(f"{name}={value}" for name, value in told.items())


@dataclass
class Kept:
    """A project. `pending`: what its source would have it say, where it is a member of the library."""

    region: str
    content: dict[str, Any]
    membership: str = "proposed"
    version: int = 1
    pending: dict[str, Any] | None = None
    # (version, action), one for each entry of the history; and acts, each with one audit entry and one event.
    history: list[tuple[int, str]] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)

    @property
    def said(self) -> dict[str, Any]:
        """What the source said last."""
        waits = self.pending if self.membership == "in_library" and self.pending is not None else {}
        return {**self.content, **waits}


@dataclass(frozen=True)
class Told:
    """A row of the receipt, as it must be."""

    external_id: str | None
    action: str
    changes: tuple[str, ...] = ()
    errors: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Receipt:
    rows: tuple[Told, ...]
    outcome: str
    left: int

    @property
    def counters(self) -> Counter[str]:
        return Counter(row.action for row in self.rows)


@dataclass
class Library:
    """Of one source, all of whose regions are its own."""

    projects: dict[str, Kept] = field(default_factory=dict)
    entities: set[tuple[str, str]] = field(default_factory=set)

    def push(self, sent: list[Sent], options: Options) -> Receipt:
        """Do it here; gives the receipt that the product owes."""
        after = deepcopy(self)
        rows = tuple(after._rows(sent, options))
        rejected = sum(row.action == "rejected" for row in rows)
        left = after._leave(sent) if options.on_missing == "leave" and not rejected else 0
        refused = options.mode == "atomic" and rejected > 0
        if not (refused or options.dry_run):
            self.projects, self.entities = after.projects, after.entities
        if refused:
            rows = tuple(row if row.action == "rejected" else Told(row.external_id, "not_applied") for row in rows)
        spoiled = "rejected" if refused or rejected == len(rows) else "partial"
        return Receipt(rows, spoiled if rejected else "succeeded", left)

    def admit(self, external_id: str) -> None:
        project = self.projects[external_id]
        project.membership = "in_library"
        _act(project, "admit")

    def _rows(self, sent: list[Sent], options: Options) -> list[Told]:
        seen: set[str] = set()
        told = []
        for row in sent:
            external_id = None if row.document is None else str(row.document["external_id"])
            faults = () if row.fault is None else (row.fault,)
            if external_id is not None and external_id in seen:
                faults = (("/external_id", "duplicate"), *faults)
            elif external_id is not None:
                seen.add(external_id)
            if row.document is None or external_id is None or faults:
                told.append(Told(external_id, "rejected", errors=faults))
            else:
                told.append(self._row(external_id, row.document, options.strategy))
        return told

    def _row(self, external_id: str, row: Row, strategy: str) -> Told:
        held = self.projects.get(external_id)
        faults = [*_strategy_fault(strategy, held), *_stage_fault(held, row)]
        if faults:
            return Told(external_id, "rejected", errors=tuple(faults))
        self.entities.add((row["region_code"], row["investment_entity"]["name"]))
        if held is None:
            made = Kept(row["region_code"], merged({}, row))
            made.history += [(1, "create"), (1, "reported")]
            made.acts["projects.create"] += 1
            self.projects[external_id] = made
            return Told(external_id, "created")
        before, after = held.said, merged(held.said, row)
        changes = tuple(sorted(name for name in after if before[name] != after[name]))
        if not changes:
            return Told(external_id, "unchanged")
        if held.membership != "in_library":
            held.content = after
            _change(held, changes)
            return Told(external_id, "updated", changes)
        if "building_stage" in changes:
            held.content = {**held.content, "building_stage": after["building_stage"]}
            _change(held, ("building_stage",))
        if changes == ("building_stage",):
            return Told(external_id, "updated", changes)
        held.acts["projects.proposal"] += 1
        held.pending = {name: value for name, value in after.items() if held.content[name] != value} or None
        return Told(external_id, "proposed", changes)

    def _leave(self, sent: list[Sent]) -> int:
        named = {row.document["external_id"] for row in sent if row.document is not None}
        gone = [p for key, p in self.projects.items() if p.membership == "in_library" and key not in named]
        for project in gone:
            project.membership = "left"
            _act(project, "leave")
        return len(gone)


def merged(before: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """The content with what the row states; what it does not state stays."""
    after = {"location": None, "funding": [], **before}
    names = ("name", "construction_content", "primary_mode", "building_stage", "starts_on", "ends_on", "location")
    after |= {name: row[name] for name in names if name in row}
    after["investment_entity"] = row["investment_entity"]["name"]
    after["secondary_modes"] = sorted(row["secondary_modes"])
    after["expected_benefits"] = {**dict.fromkeys(BENEFITS), **row["expected_benefits"]}
    if "funding" in row:
        lines = [{"year": None, **line} for line in row["funding"]]
        after["funding"] = sorted(lines, key=lambda line: (line["source"], line["year"] or 0))
    return after


def _strategy_fault(strategy: str, held: Kept | None) -> list[Fault]:
    if strategy == "create" and held is not None:
        return [("/external_id", "exists")]
    return [("/external_id", "not_found")] if strategy == "update" and held is None else []


def _stage_fault(held: Kept | None, row: Row) -> list[Fault]:
    if held is None or row.get("stage_reason"):
        return []
    before, after = held.content["building_stage"], row["building_stage"]
    if after == SUSPENDED:
        back = before != SUSPENDED
    else:
        back = before != SUSPENDED and STAGES.index(after) < STAGES.index(before)
    return [("/stage_reason", "required")] if back else []


def _change(project: Kept, changes: tuple[str, ...]) -> None:
    project.version += 1
    if set(changes) != {"building_stage"}:
        project.history.append((project.version, "update"))
    if "building_stage" in changes:
        project.history.append((project.version, "reported"))
    project.acts["projects.update"] += 1


def _act(project: Kept, action: str) -> None:
    project.version += 1
    project.history.append((project.version, action))
    project.acts[f"projects.{action}"] += 1
