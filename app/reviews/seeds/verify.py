"""Repeats the draws of a published record from the record alone.

Nothing here is shared with what made it, so that the two agree only if both do what the record's description says.
"""

import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


def read(place: str, token: str | None) -> dict[str, Any]:
    """The record in a file, or behind a URL that is asked with the token."""
    if not place.startswith(("http://", "https://")):
        content = Path(place).read_bytes()
    else:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with urlopen(Request(place, headers=headers), timeout=30) as answer:  # noqa: S310 - http(s) only
            content = answer.read()
    record: dict[str, Any] = json.loads(content)
    return record


_MEMBERS = {
    "occasion_kind",
    "occasion_id",
    "office",
    "committee",
    "seed",
    "candidates",
    "candidates_sha256",
    "frozen_at",
    "excluded",
    "panels",
}


def _h(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()


def _list_hash(names: list[str]) -> str:
    return _h(json.dumps(names, separators=(",", ":")))


def faults(record: dict[str, Any]) -> list[str]:
    """Every way in which the record does not bear itself out; empty when all its draws can be repeated."""
    found = []
    for party in ("office", "committee"):
        part = record[party]
        if _h(part["share"]) != part["commitment"]:
            found.append(f"the {party}'s share is not what it committed to")
        committed, frozen, opened = map(
            datetime.fromisoformat, (part["committed_at"], record["frozen_at"], part["opened_at"])
        )
        if not committed <= frozen <= opened:
            found.append(f"the {party} did not commit before, and open after, the list was frozen")
    if _h(record["office"]["share"] + record["committee"]["share"]) != record["seed"]:
        found.append("the seed is not that of the two shares")
    if _list_hash(record["candidates"]) != record["candidates_sha256"]:
        found.append("the frozen list is not the one that was recorded")
    if record.keys() != _MEMBERS:
        found.append("it has other members than a record has")
    subjects = [panel["subject_id"] for panel in record["panels"]]
    if len(set(subjects)) != len(subjects):
        found.append("a panel stands in it twice")
    for panel in record["panels"]:
        found += [f"panel {panel['subject_id']}: {fault}" for fault in _of_panel(record, panel)]
    return found


def _of_panel(record: dict[str, Any], panel: dict[str, Any]) -> list[str]:
    found = []
    before: set[str] = set()
    last = 0
    for draw in panel["draws"]:
        number, names, drawn = draw["number"], draw["candidates"], draw["drawn"]
        if number <= last:
            found.append(f"draw {number} is not in order")
        last = number
        key = _h(f"{record['seed']}:{panel['subject_id']}" + (f":{number}" if number > 1 else ""))
        ranked = sorted(names, key=lambda name: sha256((key + name).encode("ascii")).digest())
        if drawn != ranked[: len(drawn)] or not 0 <= draw["seated"] <= len(drawn):
            found.append(f"draw {number} is not what the seed gives")
        if _list_hash(names) != draw["candidates_sha256"]:
            found.append(f"draw {number} has another list than was recorded")
        if len(set(names)) != len(names) or len(names) > len(record["candidates"]):
            found.append(f"draw {number} has more candidates than the frozen list")
        if before & set(names):
            found.append(f"draw {number} has somebody who was drawn before")
        before |= set(drawn)
    return found
