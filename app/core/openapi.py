"""The OpenAPI document: completed from what the routes themselves declare, and committed byte for byte.

Scopes come from the caller dependency, errors from every dependency's `problems`, examples from the fields.
"""

import json
from collections import defaultdict
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from app.core import errors as e
from app.core.document import HEADERS, IF_NONE_MATCH, MEMBERS, PARAMETERS, PROBLEM, TAGS, WITH_HEADERS
from app.core.limits import RATE_HEADERS
from app.core.routing import Route

# Models of bodies that a dependency reads by itself: the routes' own parameters do not name them.
_BODIES: list[type[BaseModel]] = []


def body_schema(model: type[BaseModel]) -> dict[str, str]:
    """A reference to the model, whose schema the document will carry."""
    _BODIES.append(model)
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def install(app: FastAPI, scopes: dict[str, str], client_scopes: frozenset[str]) -> None:
    """Make the document when it is first asked for, and keep its bytes: what is served is what is committed."""
    made = cache(lambda: build(app, scopes, client_scopes))
    app.openapi = made  # type: ignore[method-assign]
    app.state.openapi_bytes = cache(lambda: to_bytes(made()))


def to_bytes(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def build(app: FastAPI, scopes: dict[str, str], client_scopes: frozenset[str]) -> dict[str, Any]:
    """The document; `scopes` is the table of scopes with their meanings, `client_scopes` what a client can have."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=app.servers,
        contact=app.contact,
        license_info=app.license_info,
        tags=TAGS,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for model in _BODIES:
        described = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs", {}))
        schemas[model.__name__] = described
    for schema in schemas.values():
        for name, member in schema.get("properties", {}).items():
            if name in MEMBERS and "$ref" not in member:
                member.setdefault("description", MEMBERS[name])
        for example in schema.get("examples", ()):
            _restore_nulls(example, schema, schemas)
    schemas["Problem"] = PROBLEM
    document["info"]["x-reasons"] = {code: "; ".join(sorted(words)) for code, words in sorted(e.REASONS.items())}
    document["components"]["headers"] = HEADERS
    document["components"]["securitySchemes"] = _security_schemes(scopes, client_scopes)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if context.path_format not in document["paths"]:
            continue
        for method in context.methods or ():
            operation = document["paths"][context.path_format].get(method.lower())
            if operation is not None:
                _complete(operation, route, context.name or "", method, schemas)
    tidied: dict[str, Any] = _tidied(document)
    return tidied


# Of the models' fields, and no keywords of JSON Schema.
_FOREIGN = frozenset({"ge", "le", "gt", "lt", "max_digits", "decimal_places"})


def _tidied(node: Any, *, names: bool = False) -> Any:
    """Whole numbers as integers, whatever the framework made of them, and schemas with the keywords of schemas.
    `names`: the members of this object are names of properties."""
    match node:
        case dict():
            return {
                name: _tidied(part, names=not names and name == "properties")
                for name, part in node.items()
                if names or name not in _FOREIGN or isinstance(part, (dict, list))
            }
        case list():
            return [_tidied(part) for part in node]
        case float() if node.is_integer():
            return int(node)
        case _:
            return node


def _restore_nulls(example: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The framework drops the null members of examples: a required one that is missing was null."""
    for part in (schema, *schema.get("anyOf", ())):
        whole = schemas[part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
        if isinstance(example, dict) and "properties" in whole:
            for name in whole.get("required", ()):
                example.setdefault(name, None)
            for name, member in example.items():
                _restore_nulls(member, whole["properties"].get(name, {}), schemas)
        elif isinstance(example, list) and "items" in whole:
            for member in example:
                _restore_nulls(member, whole["items"], schemas)


def _security_schemes(scopes: dict[str, str], client_scopes: frozenset[str]) -> dict[str, Any]:
    of_clients = {code: meaning for code, meaning in scopes.items() if code in client_scopes}
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "Scopes are an upper bound; `/v1/me` shows those in effect and why one is missing.",
            "flows": {
                "password": {"tokenUrl": "/v1/auth/token", "refreshUrl": "/v1/auth/token", "scopes": scopes},
                "clientCredentials": {"tokenUrl": "/v1/auth/token", "scopes": of_clients},
            },
        }
    }


def _complete(operation: dict[str, Any], route: Any, name: str, method: str, schemas: dict[str, Any]) -> None:
    operation["operationId"] = name
    sets: frozenset[str] = route.sets if isinstance(route, Route) else frozenset()
    keyed = isinstance(route, Route) and route.keyed
    _describe_success(operation, method, sets, keyed=keyed)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "header":
            parameter["name"] = parameter["name"].title()
        if "description" not in parameter:
            parameter["description"] = PARAMETERS[parameter["name"]]
    if isinstance(route, Route):
        # Of several scopes any one is enough.
        alternatives = [[scope] for scope in sorted(route.scopes)] or [[]]
        operation["security"] = [{"oauth2": scopes} for scopes in alternatives] if route.secured else []
        problems: tuple[e.ProblemType, ...] = route.problems
    else:
        operation["security"] = []
        problems = (e.INTERNAL_ERROR, e.BUSY)
    responses = operation["responses"]
    responses.pop("422", None)
    by_status: dict[int, list[e.ProblemType]] = defaultdict(list)
    for problem in problems:
        by_status[problem.status].append(problem)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = _problem_response(kinds, keyed=keyed)
    counted = isinstance(route, Route) and route.budget is not None
    for response in responses.values():
        if counted:
            response.setdefault("headers", {}).update({name: _header(name) for name in RATE_HEADERS})
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
        _exemplify(response, schemas)
    if "requestBody" in operation:
        _exemplify(operation["requestBody"], schemas)


def _header(name: str) -> dict[str, Any]:
    return {"$ref": "#/components/headers/" + name.replace("-", "")}


def _describe_success(operation: dict[str, Any], method: str, sets: frozenset[str], *, keyed: bool) -> None:
    """What succeeds, in the operation's own words, with its headers; of what has an ETag also the 304."""
    responses, summary = operation["responses"], operation["summary"]
    tagged = "ETag" in sets or "304" in responses
    if method == "GET" and tagged:
        responses.setdefault("304", {"description": "What you have by `If-None-Match` is still it."})
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        if status in {"200", "201"}:
            if response["description"] == "Successful Response":
                response["description"] = _outcome(summary, status, method, paged="Link" in sets)
            headers |= {name: _header(name) for name in sorted(sets)}
        if tagged and status in {"200", "201", "304"}:
            headers["ETag"] = _header("ETag")
        # A 202 beside a 201 is a thing that is taken, and nothing more is said of it.
        awaited = status == "202" and "201" not in responses
        if awaited and "200" in responses:
            response.pop("content", None)
            # Repeating the key says it again, without the place.
        if (status == "201" and tagged) or awaited:
            headers["Location"] = _header("Location")
        if awaited:
            headers["Retry-After"] = _header("Retry-After")
        if status in _WITHOUT_CONTENT and response["description"] == "Successful Response":
            response["description"] = f"{summary}: {_WITHOUT_CONTENT[status]}"
        if keyed:
            headers["Idempotent-Replayed"] = _header("Idempotent-Replayed")


_WITHOUT_CONTENT = {
    "202": "taken, to be done by a worker. There is no content; the resource tells when it is done.",
    "204": "done. There is no content.",
}


def _outcome(summary: str, status: str, method: str, *, paged: bool) -> str:
    if paged:
        return f"{summary}: one page."
    if method == "GET":
        return f"{summary}: as you may see it now."
    return f"{summary}: {'made' if status == '201' else 'done'}, shown as it is now."


def _problem_response(kinds: list[e.ProblemType], *, keyed: bool) -> dict[str, Any]:
    headers = {WITH_HEADERS[kind.code] for kind in kinds if kind.code in WITH_HEADERS}
    if keyed and kinds[0].status in {403, 404}:
        # The act was done; its resource is no longer shown.
        headers.add("Idempotent-Replayed")
    return {
        "description": "; ".join(kind.title_en for kind in kinds),
        "headers": {name: _header(name) for name in sorted(headers)},
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind.code: {"value": _example_problem(kind)} for kind in kinds},
            }
        },
    }


def _example_problem(kind: e.ProblemType) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"urn:liangshan:problem:{kind.code}",
        "title": kind.title_zh,
        "status": kind.status,
        "code": kind.code,
        "request_id": "5f2b6c1e9a0d4c7f8b3e2a1d0c9b8a7f",
    }
    if kind is e.VALIDATION_FAILED:
        example["errors"] = [{"pointer": "/name", "code": "required", "detail": "必填"}]
    return example


def _exemplify(holder: dict[str, Any], schemas: dict[str, Any]) -> None:
    for media in holder.get("content", {}).values():
        if "schema" in media and "example" not in media and "examples" not in media:
            media["example"] = example_of(media["schema"], schemas)


def example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example that the schema itself gives: its examples, constants and bounds, walked through."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return example_of(schema[union][0], schemas)
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {}).items()
            return {name: _NAMED.get(name) or example_of(part, schemas) for name, part in members}
        case "array":
            return [example_of(schema["items"], schemas)] if "items" in schema else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "null":
            return None
        case "string":
            return _example_text(schema)
        case _:
            return {}


# Members that mean the same wherever they stand, and are no text of any kind.
_NAMED = {
    "region_code": "152501",
    "criterion_code": "grassland",
    "indicator_code": "grassland_cover",
    "mode_code": "ecological_agriculture",
    "relation_code": "kinship",
    "document_number": "示例发〔2026〕8号",
    "content_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


def _example_text(schema: dict[str, Any]) -> str:
    formats = {
        "uuid": "0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f",
        "date": "2026-03-31",
        "date-time": "2026-03-31T02:30:00Z",
    }
    return formats.get(schema.get("format", ""), "示例")
