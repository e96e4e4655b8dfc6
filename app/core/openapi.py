"""The OpenAPI document: completed from what the routes themselves declare, and committed byte for byte.

Scopes come from the caller dependency, errors from every dependency's `problems`, examples from the fields.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from app.core import errors as e
from app.core.routing import Route

DESCRIPTION = """
The API of a league's 两山 practice areas: yearly plans, the key-project library, reporting tasks, pushes.

* **Errors** are RFC 9457 `application/problem+json`; programs read `code` (and `errors[].code`), which are never
  translated. Texts are Chinese, or English by `Accept-Language: en`.
* **Lists** are keyset pages: follow `next_cursor` (or the `Link` header) with the same filters.
* **Changes** need `If-Match` with the ETag that you read; POSTs that create or transition need an `Idempotency-Key`.
* **Unknown** query parameters and body members are refused with 422, never ignored.
* Money is yuan as a decimal string, dates are `YYYY-MM-DD`, times RFC 3339.
""".strip()

METADATA: dict[str, Any] = {
    "title": "Liangshan (两山) API",
    "version": "1.0.0",
    "description": DESCRIPTION,
    "contact": {"name": "Liangshan maintainers", "url": "https://example.invalid/liangshan"},
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "The server that serves this document."}],
}

_PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). The same shape for every status.",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "maxLength": 200},
        "title": {"type": "string", "maxLength": 200},
        "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "enum": sorted(e.REGISTER), "description": "What programs read."},
        "request_id": {"type": "string", "maxLength": 64},
        "error": {"type": "string", "maxLength": 64, "description": "On token routes: the OAuth 2.0 error."},
        "reason": {"type": "string", "maxLength": 64, "description": "A finer code, where there is one."},
        "detail": {"type": "string", "maxLength": 2000},
        "errors": {
            "type": "array",
            "maxItems": 2000,
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "maxLength": 500,
                        "description": "RFC 6901 into the body; `?name` is a query parameter, `header:name` a header.",
                    },
                    "code": {"type": "string", "enum": sorted(e.FIELD_CODES)},
                    "detail": {"type": "string", "maxLength": 500},
                },
            },
        },
    },
}


def _tag(name: str, description: str, *, articles: Sequence[int] = (), reason: str = "") -> dict[str, Any]:
    """A group of routes, with the articles of the regulation that it carries, or why it carries none."""
    carries = {"x-articles": list(articles)} if articles else {"x-no-article": reason}
    return {"name": name, "description": description, **carries}


# Each new group of routes is entered here; `/v1/regulation` is computed from it, and a test insists.
TAGS = [
    _tag(
        "identity", "Tokens, keys, who I am, and the policy.", reason="Whoever acts under any article is known first."
    ),
    _tag("directory", "Regions, organisations, practice areas, reference data (Art. 1-3).", articles=[1, 2]),
    _tag("people", "People, employment, accounts and grants.", articles=[2, 11]),
    _tag("plans", "Yearly plans (年度计划, Art. 3).", articles=[3]),
    _tag("projects", "The key-project library (重点项目库, Art. 3).", articles=[3]),
    _tag("attachments", "Files of plans, projects, self-evaluations and cases (附件).", articles=[3, 9, 13]),
    _tag("imports", "Pushes by other systems, and their receipts.", articles=[3]),
    _tag("tasks", "Reporting tasks (报送任务), and what waits for me.", articles=[3]),
    _tag("reviews", "Expert pool, panels, assignments, score sheets (评审, Art. 9, 11, 13).", articles=[9, 11, 13]),
    _tag("declarations", "Commitments, declarations of interests, recusals (回避, Art. 11).", articles=[11]),
    _tag("evaluations", "The evaluation of the previous year (年度评估, Art. 8-10).", articles=[8, 9, 10]),
    _tag("cases", "Typical cases of the year, and their selection (典型案例, Art. 12-13).", articles=[12, 13]),
    _tag("publications", "What was published, for everybody.", articles=[10, 13]),
    _tag("audit", "What was done and refused.", articles=[11]),
    _tag("operations", "Health.", reason="For who runs the server."),
    _tag("regulation", "The regulation, article by article, and what carries it (Art. 17).", articles=[17]),
]


# Models of bodies that a dependency reads by itself: the routes' own parameters do not name them.
_BODIES: list[type[BaseModel]] = []


def body_schema(model: type[BaseModel]) -> dict[str, str]:
    """A reference to the model, whose schema the document will carry."""
    _BODIES.append(model)
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def install(app: FastAPI, scopes: dict[str, str]) -> None:
    """Make the document when it is first asked for, and keep its bytes: what is served is what is committed."""
    made = cache(lambda: build(app, scopes))
    app.openapi = made  # type: ignore[method-assign]
    app.state.openapi_bytes = cache(lambda: to_bytes(made()))


def to_bytes(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def build(app: FastAPI, scopes: dict[str, str]) -> dict[str, Any]:
    """The document; `scopes` is the table of scopes with their meanings."""
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
        for example in schema.get("examples", ()):
            _restore_nulls(example, schema, schemas)
    schemas["Problem"] = _PROBLEM
    document["components"]["headers"] = {
        "RequestId": {
            "description": "The request's id; quote it when you ask for help.",
            "schema": {"type": "string", "maxLength": 64},
        }
    }
    document["components"]["securitySchemes"] = _security_schemes(scopes)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if context.path_format not in document["paths"]:
            continue
        for method in context.methods or ():
            operation = document["paths"][context.path_format].get(method.lower())
            if operation is not None:
                _complete(operation, route, context.name or "", schemas)
    return document


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


def _security_schemes(scopes: dict[str, str]) -> dict[str, Any]:
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "Scopes are an upper bound; `/v1/me` shows those in effect and why one is missing.",
            "flows": {
                "password": {"tokenUrl": "/v1/auth/token", "refreshUrl": "/v1/auth/token", "scopes": scopes},
                "clientCredentials": {"tokenUrl": "/v1/auth/token", "scopes": scopes},
            },
        }
    }


def _complete(operation: dict[str, Any], route: Any, name: str, schemas: dict[str, Any]) -> None:
    operation["operationId"] = name
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
        responses[str(status)] = _problem_response(kinds)
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
        _exemplify(response, schemas)
    if "requestBody" in operation:
        _exemplify(operation["requestBody"], schemas)


def _problem_response(kinds: list[e.ProblemType]) -> dict[str, Any]:
    return {
        "description": "; ".join(kind.title_en for kind in kinds),
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
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
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
            return {name: example_of(part, schemas) for name, part in schema.get("properties", {}).items()}
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


def _example_text(schema: dict[str, Any]) -> str:
    formats = {
        "uuid": "0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f",
        "date": "2026-03-31",
        "date-time": "2026-03-31T02:30:00Z",
    }
    return formats.get(schema.get("format", ""), "示例")
