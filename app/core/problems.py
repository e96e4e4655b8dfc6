"""Errors as RFC 9457 problem+json: one shape for every refusal, in the caller's language, never echoing input."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from app.core import errors as e
from app.core.language import negotiate

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 2000

# Pydantic's error types, folded into the codes that we publish. An unlisted type is `invalid_value`.
_PYDANTIC_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_few",
    "too_long": "too_many",
    "bytes_too_long": "too_long",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "decimal_max_digits": "out_of_range",
    "decimal_max_places": "invalid_format",
    "decimal_whole_digits": "out_of_range",
    "decimal_parsing": "invalid_format",
    "int_parsing_size": "out_of_range",
    "date_from_datetime_parsing": "invalid_format",
    "date_parsing": "invalid_format",
    "datetime_parsing": "invalid_format",
    "uuid_parsing": "invalid_format",
    "string_pattern_mismatch": "invalid_format",
    "string_unicode": "invalid_format",
    "int_parsing": "invalid_format",
    "int_from_float": "invalid_format",
    "bool_parsing": "invalid_format",
    "enum": "invalid_choice",
    "literal_error": "invalid_choice",
    "json_invalid": "malformed_json",
}


# RFC 6749 clients read the member `error`; ours is the same code.
_OAUTH_CODES = frozenset(
    {"invalid_grant", "invalid_client", "unsupported_grant_type", "invalid_scope", "invalid_token"}
)


def language_of(request: Request) -> str:
    return negotiate(request.headers.get("accept-language", ""))


def problem_body(error: e.DomainError, language: str, request_id: str) -> dict[str, Any]:
    """The members of a problem document; `detail` and `errors` only where there is something to say."""
    kind = error.type
    body: dict[str, Any] = {
        "type": f"urn:liangshan:problem:{kind.code}",
        "title": kind.title_en if language == "en" else kind.title_zh,
        "status": kind.status,
        "code": kind.code,
        "request_id": request_id,
    }
    if kind.code in _OAUTH_CODES:
        body["error"] = kind.code
    if error.reason is not None:
        body["reason"] = error.reason.code
        body["detail"] = error.reason.en if language == "en" else error.reason.zh
    if error.errors:
        body["errors"] = [
            {"pointer": item.pointer, "code": item.code, "detail": item.words(language)} for item in error.errors
        ]
    return body


def render(request: Request, error: e.DomainError) -> Response:
    language = language_of(request)
    body = problem_body(error, language, request.state.request_id)
    return Response(
        json.dumps(body, ensure_ascii=False).encode(),
        status_code=error.type.status,
        headers={**error.headers, "Content-Language": "en" if language == "en" else "zh-CN"},
        media_type=MEDIA_TYPE,
    )


def field_errors(found: list[dict[str, Any]], *, base: tuple[str | int, ...] = ()) -> list[e.FieldError]:
    """Pydantic's errors as ours: each with its pointer, no input in it, the same one only once."""
    fields: dict[e.FieldError, None] = {}
    for item in found:
        code = item["type"] if item["type"] in e.FIELD_CODES else _PYDANTIC_CODES.get(item["type"])
        if isinstance(item.get("input"), list | dict):
            # Pydantic says `too_short` of a list and of a text that another validator handled first.
            code = _PYDANTIC_CODES.get(item["type"], code)
        if code is None:
            code = "wrong_type" if item["type"].endswith(("_type", "_attributes_type")) else "invalid_value"
        steps: list[str | int] = [*base, *item["loc"]]
        place, path = steps[0], steps[1:]
        if place == "query":
            name = str(path[0] if path else "")
            if code == "unknown_field":
                code = "repeated_parameter" if name.endswith(e.REPEATED) else "unknown_parameter"
            fields[e.FieldError(("?" + name.removesuffix(e.REPEATED))[: e.LONGEST_POINTER], code)] = None
        elif place == "header":
            fields[e.FieldError(f"header:{path[0]}", code)] = None
        else:
            fields[e.FieldError(e.pointer(path), code)] = None
    return list(fields)[:_MOST_ERRORS]


def install(app: FastAPI, trace: Callable[[Request, e.DomainError], Awaitable[None]]) -> None:
    """Register the handlers; `trace` commits the audit entry of a refusal apart, before it is answered."""

    async def on_domain_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, e.DomainError)  # noqa: S101 - the registration below says so
        if error.trace:
            try:
                await trace(request, error)
            except e.DomainError as unrecorded:  # a refusal that cannot be recorded is not given
                error = unrecorded
        structlog.get_logger().info("refused", code=error.type.code)
        return render(request, error)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        found = [dict(item) for item in error.errors()]
        if any(item["loc"][0] == "path" for item in found):
            return render(request, e.NotFound())
        malformed: e.FieldError | None = getattr(request.state, "malformed", None)
        kept = [item for item in found if not (malformed and item["loc"][0] == "body")]
        listed = field_errors(kept)
        return render(request, e.Invalid(*([malformed] if malformed else []), *listed))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)  # noqa: S101
        if getattr(request.state, "too_large", False):
            return render(request, e.PayloadTooLarge())
        match error.status_code:
            case 404:
                return render(request, e.NotFound())
            case 405:
                return render(request, e.MethodNotAllowed(headers={"Allow": allowed_methods(app, request)}))
            case 413:
                return render(request, e.PayloadTooLarge())
            case _:
                return render(request, e.BadRequest())

    async def on_unhandled(request: Request, _error: Exception) -> Response:
        # Logged by the edge, which sees it next; its text is for the log alone.
        return render(request, e.InternalError())

    app.add_exception_handler(e.DomainError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(StarletteHTTPException, on_http)
    app.add_exception_handler(Exception, on_unhandled)


def allowed_methods(app: FastAPI, request: Request) -> str:
    """All methods of every route on the path; the framework would list the first match's only."""
    methods: set[str] = set()
    for context in iter_route_contexts(app.routes):
        regex = getattr(context, "path_regex", None)
        if regex is not None and regex.match(request.url.path):
            methods |= context.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
