"""The document: valid, complete, bounded, deterministic, and the same bytes as the committed file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.auth.scopes import CLIENT_SCOPES, SCOPES
from app.core.errors import REGISTER
from tests.core.walk import Operation, operations

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "openapi" / "openapi.json"
MAX_INT64 = 2**63 - 1

# Who may call what without a scope, each with its reason.
PUBLIC = {
    "issue_token": "whoever has credentials",
    "revoke_token": "whoever has the token to end",
    "introspect_token": "a client by its secret, about its own token",
    "get_jwks": "verifiers",
    "get_server_metadata": "clients that configure themselves",
    "get_health": "the machine's supervisor",
    "get_readiness": "the load balancer",
    "list_publications": "what is published is everybody's (Art. 11)",
    "get_publication": "what is published is everybody's (Art. 11)",
    "get_publication_content": "what is published is everybody's (Art. 11)",
}
NO_SCOPE = {
    "get_me": "about the caller",
    "change_my_password": "about the caller",
    "get_access_policy": "the rules themselves are no secret",
    "list_my_acts": "about the caller",
    "list_my_recusals": "about the caller",
    "get_my_recusal": "about the caller",
    "get_my_recusal_letter": "about the caller",
    "list_waiting": "what waits for the caller, by the caller's own scopes",
}


@pytest.fixture(scope="session")
def document(shared_api: FastAPI) -> dict[str, Any]:
    return shared_api.openapi()


@pytest.fixture(scope="session")
def all_operations(shared_api: FastAPI) -> list[Operation]:
    return list(operations(shared_api))


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_says_what_it_is(all_operations: list[Operation], document: dict[str, Any]) -> None:
    names = [o.name for o in all_operations]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in document["tags"]}
    for operation in all_operations:
        assert operation.name.isidentifier()
        assert 3 <= len(operation.spec["summary"]) <= 120, operation.name
        assert len(operation.spec["description"]) >= 10, operation.name
        assert set(operation.spec["tags"]) <= tags, operation.name
        for parameter in operation.spec.get("parameters", ()):
            assert parameter["description"], (operation.name, parameter["name"])
        for status, answer in operation.spec["responses"].items():
            assert answer["description"] != "Successful Response", (operation.name, status)


def test_every_operation_needs_a_scope_or_stands_on_the_list(
    all_operations: list[Operation], document: dict[str, Any]
) -> None:
    flows = document["components"]["securitySchemes"]["oauth2"]["flows"]
    assert {name: set(flow["scopes"]) for name, flow in flows.items()} == {
        "password": set(SCOPES),
        "clientCredentials": set(CLIENT_SCOPES),
    }
    public, unscoped = set(), set()
    for operation in all_operations:
        if operation.spec["security"] == []:
            public.add(operation.name)
            continue
        for requirement in operation.spec["security"]:
            [(scheme, scopes)] = requirement.items()
            assert scheme == "oauth2"
            assert set(scopes) <= set(SCOPES), operation.name
            if not scopes:
                unscoped.add(operation.name)
    assert public == set(PUBLIC)
    assert unscoped <= set(NO_SCOPE)
    assert {"get_me", "change_my_password", "get_access_policy"} <= unscoped


def test_refusals_are_problems(all_operations: list[Operation]) -> None:
    for operation in all_operations:
        answers = operation.spec["responses"]
        assert {"422", "431", "500", "503"} <= answers.keys(), operation.name
        assert ({"401"} <= answers.keys()) or not operation.secured, operation.name
        assert ("404" in answers) or "{" not in operation.path, operation.name
        assert ({"400", "409"} <= answers.keys()) or not operation.keyed, operation.name
        if operation.spec["security"] and operation.spec["security"][0]["oauth2"]:
            assert "403" in answers, operation.name
        for status, answer in answers.items():
            assert answer["description"]
            assert "X-Request-Id" in answer["headers"]
            if status.startswith(("4", "5")):
                assert list(answer["content"]) == ["application/problem+json"], (operation.name, status)
                [media] = answer["content"].values()
                assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
                for code, example in media["examples"].items():
                    assert (REGISTER[code].status, example["value"]["code"]) == (int(status), code)


def _media(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for holder in (operation.spec.get("requestBody", {}), *operation.spec["responses"].values()):
        yield from holder.get("content", {}).items()


def test_every_body_has_an_example_that_is_valid(all_operations: list[Operation], document: dict[str, Any]) -> None:
    checked = 0
    for operation in all_operations:
        for kind, media in _media(operation):
            if "json" not in kind:
                continue
            examples = [media["example"]] if "example" in media else [x["value"] for x in media["examples"].values()]
            assert examples, (operation.name, kind)
            schema = {**media["schema"], "components": document["components"]}
            validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
            for example in examples:
                faults = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(example)]
                assert faults == [], (operation.name, faults)
                checked += 1
    assert checked > 50


def _schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema with a type, with the place where it stands."""

    def walk(place: str, node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict):
            if isinstance(node.get("type"), str):
                yield place, node
            for name, part in node.items():
                if name not in {"example", "examples", "default", "const", "enum", "x-enum-varnames"}:
                    yield from walk(f"{place}/{name}", part)
        elif isinstance(node, list):
            for index, part in enumerate(node):
                yield from walk(f"{place}/{index}", part)

    yield from walk("", {"paths": document["paths"], "schemas": document["components"]["schemas"]})


def test_everything_is_bounded(document: dict[str, Any]) -> None:
    unbounded = []
    for place, schema in _schemas(document):
        match schema["type"]:
            case "string" if not schema.keys() & {"maxLength", "pattern", "enum", "format", "const"}:
                unbounded.append(place)
            case "integer" | "number":
                low = schema.get("minimum", schema.get("exclusiveMinimum"))
                high = schema.get("maximum", schema.get("exclusiveMaximum"))
                if ("enum" not in schema and "const" not in schema and (low is None or high is None)) or (
                    low is not None and high is not None and not -MAX_INT64 <= low <= high <= MAX_INT64
                ):
                    unbounded.append(place)
            case "array" if "maxItems" not in schema:
                unbounded.append(place)
    assert unbounded == []


def test_bodies_are_closed(all_operations: list[Operation], document: dict[str, Any]) -> None:
    """An unknown member is refused; the OAuth forms ignore it, as their RFCs ask."""
    for operation in all_operations:
        content = operation.spec.get("requestBody", {}).get("content", {})
        for kind, media in content.items():
            if kind != "application/json":
                continue
            schema = media["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            assert schema.get("additionalProperties") is False, operation.name


def test_no_reference_leads_nowhere_and_no_schema_stands_alone(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name


async def test_what_is_served_is_the_document(http: AsyncClient, shared_api: FastAPI) -> None:
    answer = await http.get("/openapi.json")
    assert answer.content == shared_api.state.openapi_bytes()
    assert json.loads(answer.content) == shared_api.openapi()


def test_other_processes_write_the_same_bytes(shared_api: FastAPI) -> None:
    script = (
        "import sys; from app.core.config import Settings; from app.main import create_api; "
        "sys.stdout.buffer.write(create_api(Settings()).state.openapi_bytes())"
    )
    for seed in ("1", "4711"):
        made = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert made.stdout == shared_api.state.openapi_bytes()


def test_the_committed_file_is_current(shared_api: FastAPI) -> None:
    assert COMMITTED.read_bytes() == shared_api.state.openapi_bytes(), "run `make openapi`"
