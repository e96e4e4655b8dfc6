"""Which routes carry which article, as the document of the API says itself (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


class Status(StrEnum):
    CARRIED = "carried"
    PARTLY = "partly"
    NOT_BUILT = "not_built"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A route, with its group."""

    method: str
    path: str
    operation_id: str
    summary: str
    tag: str


def carriers(document: Mapping[str, Any]) -> dict[int, list[Carrier]]:
    """Routes by article: each group of routes states in `x-articles` what it carries."""
    articles = {tag["name"]: tag.get("x-articles", ()) for tag in document["tags"]}
    found: dict[int, list[Carrier]] = {}
    for carrier in _routes(document):
        for article in articles.get(carrier.tag, ()):
            found.setdefault(article, []).append(carrier)
    return found


def _routes(document: Mapping[str, Any]) -> Iterator[Carrier]:
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = item[method]
                [tag] = operation["tags"]
                yield Carrier(method.upper(), path, operation["operationId"], operation["summary"], tag)


def still_missing(entries: Iterable[Mapping[str, str]], paths: Iterable[str]) -> list[Mapping[str, str]]:
    """What is not built yet. An entry with `until` goes by itself once a route begins with that path."""
    known = tuple(paths)
    return [entry for entry in entries if "until" not in entry or not any(p.startswith(entry["until"]) for p in known)]


def status(routes: int, missing: int) -> Status:
    if not routes:
        return Status.NOT_BUILT
    return Status.PARTLY if missing else Status.CARRIED
