"""Walks every operation of the document, so that a rule of the whole API is tested on routes yet to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import FastAPI

from app.core.openapi import example_of

METHODS = frozenset({"get", "post", "put", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.spec["operationId"])

    @property
    def secured(self) -> bool:
        return bool(self.spec["security"])

    @property
    def keyed(self) -> bool:
        return any(p["name"].lower() == "idempotency-key" for p in self.spec.get("parameters", ()))

    @property
    def media_type(self) -> str | None:
        return next(iter(self.spec["requestBody"]["content"]), None) if "requestBody" in self.spec else None

    def url(self, **known: str) -> str:
        """The path with something of the right shape in every place."""
        path = self.path
        for parameter in self.spec.get("parameters", ()):
            if parameter["in"] == "path":
                name, schema = parameter["name"], parameter["schema"]
                example = str(uuid4()) if schema.get("format") == "uuid" else str(example_of(schema, {}))
                path = path.replace("{" + name + "}", known.get(name, example))
        return path

    def headers(self, **more: str) -> dict[str, str]:
        headers = {"If-Match": '"1.0123456789abcdef"', "Idempotency-Key": uuid4().hex} if self.method != "get" else {}
        if self.media_type is not None:
            headers["Content-Type"] = self.media_type
        return headers | more


def operations(app: FastAPI) -> Iterator[Operation]:
    for path, item in app.openapi()["paths"].items():
        for method, spec in item.items():
            if method in METHODS:
                yield Operation(method, path, spec)
