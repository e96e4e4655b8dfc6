"""What is asked of every world: made from the OpenAPI document and the identifiers of W0, so that a new route is asked
by itself, or fails and says what to register.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.attachments.samples import PDF
from tests.worlds.registry import ABSENT, COLLECTIONS, OF_LISTS, PER_SIDE, VALUES, Collection

SAFE = frozenset({"get", "head"})
_TAGS = ", ".join(f'"{version}.0000000000000000"' for version in range(1, 10))


class UnregisteredError(AssertionError):
    """A new route brought what the kit has no values for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `twin`: the path of the same request about what is absent, where its subject is hidden from who is
    walled. `follows`: the pages behind the first are asked for, too.
    """

    operation: str
    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    form: bool = False
    twin: str | None = None
    follows: bool = False
    narrows: bool = False

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.params)
        return f"{self.method} {self.path}{'?' if query else ''}{query}"


@dataclass
class Document:
    """The OpenAPI document, with values of one world for its parameters."""

    spec: dict[str, Any]
    rows: dict[str, list[tuple[tuple[str, ...], bool]]] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    async def of(cls, spec: dict[str, Any], world: asyncpg.Connection) -> "Document":
        made = cls(spec)
        for template, collection in COLLECTIONS.items():
            found = [(tuple(map(str, row[:-1])), bool(row[-1])) for row in await _rows(world, collection)]
            of_s = sorted(ids for ids, mark in found if mark)[:PER_SIDE]
            others = sorted(ids for ids, mark in found if not mark)[:PER_SIDE]
            made.rows[template] = [(ids, True) for ids in of_s] + [(ids, False) for ids in others]
        for name, statement in VALUES.items():
            made.values[name] = [str(row[0]) for row in await world.fetch(statement)]
        return made

    @property
    def operations(self) -> list[str]:
        return [f"{method.upper()} {path}" for path, methods in self.spec["paths"].items() for method in methods]

    def reads(self) -> Iterator[Ask]:
        for path, methods in self.spec["paths"].items():
            if "get" in methods:
                yield from self._reads(path, methods["get"])

    def probes(self) -> Iterator[Ask]:
        for path, methods in self.spec["paths"].items():
            for method, operation in methods.items():
                if method not in SAFE:
                    yield from self._probes(path, method.upper(), operation)

    def _reads(self, path: str, operation: dict[str, Any]) -> Iterator[Ask]:
        name = f"GET {path}"
        parameters = [self._resolved(one) for one in operation.get("parameters", ())]
        query = {one["name"]: one for one in parameters if one["in"] == "query"}
        needed = tuple((n, self._choices(name, n, p)[0]) for n, p in query.items() if p.get("required"))
        for index, (filled, twin) in enumerate(self._paths(path)):
            yield Ask(name, "GET", filled, needed, twin=twin)
            if index == 0:
                yield Ask(name, "HEAD", filled, needed)
                for kind in _kinds(operation):
                    yield Ask(name, "GET", filled, needed, (("Accept", kind),), narrows=True)
            if any(one["name"].lower() == "if-none-match" for one in parameters):
                yield Ask(name, "GET", filled, needed, (("If-None-Match", "*"),), narrows=True)
            if index < PER_SIDE:
                for params, follows in self._queries(name, query, needed):
                    yield Ask(name, "GET", filled, params, follows=follows, narrows=True)

    def _queries(
        self, name: str, query: dict[str, Any], needed: tuple[tuple[str, str], ...]
    ) -> Iterator[tuple[tuple[tuple[str, str], ...], bool]]:
        fixed = dict(needed)
        if "limit" in query:
            yield ((*needed, ("limit", "2")), True)
        if "include_total" in query:
            yield ((*needed, ("include_total", "true")), False)
        for one, parameter in query.items():
            if one not in OF_LISTS:
                for value in self._choices(name, one, parameter):
                    yield (tuple({**fixed, one: value}.items()), False)
        yield ((*needed, ("unheard_of", "1")), False)

    def _probes(self, path: str, method: str, operation: dict[str, Any]) -> Iterator[Ask]:
        name = f"{method} {path}"
        headers = {self._resolved(one)["name"].lower() for one in operation.get("parameters", ())}
        given = (("If-Match", _TAGS),) if "if-match" in headers else ()
        for filled, twin in self._paths(path):
            for body, form in self._bodies(name, operation):
                yield Ask(name, method, filled, headers=given, body=body, form=form, twin=twin)

    def _bodies(self, name: str, operation: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
        content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
        if not content:
            yield None, False
            return
        kind, stated = next(iter(content.items()))
        examples = (
            [stated["example"]] if "example" in stated else [e["value"] for e in stated.get("examples", {}).values()]
        )
        if not examples:
            raise UnregisteredError(f"{name}: its body has no example in the document")
        seen = set()
        for example in examples:
            for turn in range(3):
                body = self._filled(example, turn)
                if (text := json.dumps(body, sort_keys=True)) not in seen:
                    seen.add(text)
                    yield body, kind != "application/json"

    def _filled(self, example: Any, turn: int, name: str = "") -> Any:
        """The example about S, about another, about what is absent."""
        if isinstance(example, dict):
            return {key: self._filled(value, turn, key) for key, value in example.items()}
        if isinstance(example, list):
            return [self._filled(value, turn, "region_code" if name == "regions" else name) for value in example]
        if isinstance(example, str) and (name in {"region_code", "posted_region"} or name.endswith("_id")):
            known = self.values.get("region_code" if name == "posted_region" else name)
            if known:
                return known[turn] if turn < len(known) else (ABSENT if name.endswith("_id") else known[-1])
        return example

    def _paths(self, path: str) -> Iterator[tuple[str, str | None]]:
        """The path with identifiers of S, of others and of nothing, each with its absent twin if it is hidden."""
        if "{" not in path:
            yield path, None
            return
        collection, template = _collection(path)
        for ids, of_s in self.rows[template]:
            absent = _fill(path, (*ids[:-1], collection.absent))
            yield _fill(path, ids), absent if of_s and collection.hidden else None
        depth = template.count("{}")
        yield _fill(path, (ABSENT,) * (depth - 1) + (collection.absent,)), None

    def _choices(self, operation: str, name: str, parameter: Mapping[str, Any]) -> list[str]:
        schema = parameter["schema"]
        for option in schema.get("anyOf", [schema]):
            named = self._resolved(option)
            if "enum" in named:
                return list(map(str, named["enum"]))
            if named.get("type") == "boolean":
                return ["true", "false"]
        if name not in self.values:
            raise UnregisteredError(
                f"{operation}: no values for its parameter `{name}`: add `{name}` to VALUES in tests/worlds/registry.py"
            )
        return self.values[name]

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in part:
            return part
        found: Any = self.spec
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        resolved: Mapping[str, Any] = found
        return resolved


async def _rows(world: asyncpg.Connection, collection: Collection) -> list[Any]:
    return list(await world.fetch(collection.rows))


def _collection(path: str) -> tuple[Collection, str]:
    parts = ["{}" if part.startswith("{") else part for part in path.split("/")]
    template = "/".join(parts)
    depth = template.count("{}")
    while template not in COLLECTIONS or template.count("{}") != depth:
        template, _, _ = template.rpartition("/")
        if template.count("{}") != depth:
            raise UnregisteredError(
                f"{path}: no identifiers for it: add {'/'.join(parts[: _last(parts)])!r} to COLLECTIONS in "
                "tests/worlds/registry.py"
            )
    return COLLECTIONS[template], template


def _last(parts: list[str]) -> int:
    return max(index for index, part in enumerate(parts) if part == "{}") + 1


def _fill(path: str, ids: tuple[str, ...]) -> str:
    given = iter(ids)
    return "/".join(next(given) if part.startswith("{") else part for part in path.split("/"))


def _kinds(operation: Mapping[str, Any]) -> list[str]:
    kinds = list(operation["responses"].get("200", {}).get("content", {}))
    return kinds if len(kinds) > 1 else []


def encoded(ask: Ask) -> dict[str, Any]:
    """Of a body: the arguments for the HTTP client."""
    if ask.body is None:
        return {}
    if not ask.form:
        return {"json": ask.body}
    fields = {name: _text(value) for name, value in ask.body.items() if name != "file" and value is not None}
    if "file" in ask.body:
        return {"data": fields, "files": {"file": ("示例.pdf", PDF, "application/pdf")}}
    return {"data": fields}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
