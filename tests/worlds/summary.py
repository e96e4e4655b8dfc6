"""What the kit compared, counted over all of its tests and printed at the end; its floors fail the run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = "two_worlds"
# A bit below what was measured: a kit that looks at less has lost something.
FLOORS = {
    "operations": 190,
    "variants": 1200,
    "requests": 60_000,
    "worlds": 4,
    "observers": 21,
    "checkpoints": 3,
    "probes": 3500,
    "canaries": 40,
    "control differs in": 10,
    "policies": 80,
    "red": 34,
    "conditions red": 5,
}


@dataclass
class Summary:
    """Sets are united and numbers added over tests, in whatever process each ran."""

    sets: dict[str, set[str]] = field(default_factory=dict)
    numbers: Counter[str] = field(default_factory=Counter)

    def add(self, noted: Mapping[str, Any]) -> None:
        for name, value in noted.items():
            if isinstance(value, list):
                self.sets.setdefault(name, set()).update(value)
            else:
                self.numbers[name] += value

    def lines(self) -> list[str]:
        counted = self.counted()
        declassified = ", ".join(sorted(self.sets.get("declassified", ()))) or "none"
        return [
            f"operations {counted['operations']}, uncovered {counted['uncovered']}, variants {counted['variants']}",
            f"worlds {counted['worlds']}, capacities {counted['observers']}, checkpoints {counted['checkpoints']}",
            f"requests compared {counted['requests']}, probes {counted['probes']}, undone {counted['restored']}",
            f"canaries {counted['canaries']}, searched in {counted['megabytes']} MB of answers",
            f"an officer who is not walled sees W0 and WJ differ in {counted['control differs in']} operations",
            f"declassified: {declassified}",
            f"policies removed {counted['policies']}: red {counted['red']}, red behind a door {counted['latent']}",
            f"policies unseen {counted['unseen']}",
            f"conditions undone {counted['conditions']}: red {counted['conditions red']}",
        ]

    def counted(self) -> Counter[str]:
        found = Counter(self.numbers)
        for name, values in self.sets.items():
            found[name] = len(values)
        found["megabytes"] = found.pop("bytes", 0) // 1_000_000
        return found

    def short(self) -> list[str]:
        """What fell below its floor."""
        counted = self.counted()
        found = [
            f"{name}: {counted[name]} of at least {floor}" for name, floor in FLOORS.items() if counted[name] < floor
        ]
        if counted["uncovered"]:
            found.append(f"uncovered: {sorted(self.sets['uncovered'])}")
        return found


def collected(reports: Iterable[Any]) -> Summary | None:
    """From the reports of all tests, also those of other processes."""
    summary = Summary()
    noted = [value for report in reports for name, value in report.user_properties if name == NAME]
    for one in noted:
        summary.add(one)
    return summary if noted else None
