"""The one route class: what is settled before the body is read, and what a route answers, from its signature.

A dependency says by its attributes what it stands for: `secured` (a bearer token is checked first), `problems` (the
errors it can raise) and `sets` (the headers it gives to what succeeds). The documentation of a route's errors is the
union of its dependencies'; what its use case raises once the body is known, it states by `may_answer`.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.params import Form
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.core import errors as e
from app.core import strict_json
from app.core.limits import Budget

_JSON_TYPES = frozenset({"application/json"})
_UNSTATED = object()
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded"})
_UTF_8 = frozenset({"utf-8", "utf8"})
Callee = TypeVar("Callee", bound=Callable[..., Any])


def answers(*problems: e.ProblemType, secured: bool = False) -> Callable[[Callee], Callee]:
    """Mark a dependency with the errors it can raise, and whether it needs a token."""

    def mark(callee: Callee) -> Callee:
        callee.problems = problems  # type: ignore[attr-defined]
        callee.secured = secured  # type: ignore[attr-defined]
        return callee

    return mark


def may_answer(*problems: e.ProblemType) -> Any:
    """For a route's `dependencies=[…]`: the errors of its use case, which no dependency of it knows of."""

    @answers(*problems)
    async def states_them() -> None:
        """Says it, and does nothing."""

    return Depends(states_them)


def counts_as(budget: Budget | None) -> Any:
    """For a route's `dependencies=[…]`: the budget that its requests are counted in, where it is not by its method;
    None for one that is not counted."""

    async def counted() -> None:
        """Says it, and does nothing."""

    counted.budget = budget  # type: ignore[attr-defined]
    return Depends(counted)


def for_example(**members: Any) -> Any:
    """In the annotation of a route's body: what the document shows as an example of it."""
    return Body(examples=[members])


def sets(*headers: str) -> Callable[[Callee], Callee]:
    """Mark a dependency with the headers that it gives to the answer of a route that succeeds."""

    def mark(callee: Callee) -> Callee:
        callee.sets = headers  # type: ignore[attr-defined]
        return callee

    return mark


class _NoParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


async def _closed_query(_: Annotated[_NoParameters, Query()]) -> None:
    """For routes without parameters: an unknown one is refused, and only after everything before 422."""


class StrictRequest(Request):
    """A request whose JSON is read strictly, and whose repeated query parameters count as parameters nobody knows."""

    async def json(self) -> Any:
        try:
            return strict_json.parse(await self.body())
        except strict_json.JsonRefusedError as refused:
            # What stands for it makes no model, not even one whose members are all optional: the refusal waits for its
            # turn in the order of refusals.
            self.state.malformed = e.FieldError("", refused.code)
            return ...

    @property
    def query_params(self) -> QueryParams:
        # The framework would take the last of two and drop the first. As an unknown parameter it is refused in its
        # turn; the mark tells the two apart.
        times = Counter(name for name, _ in super().query_params.multi_items())
        repeated = [(name + e.REPEATED, "") for name, count in times.items() if count > 1]
        return QueryParams([*super().query_params.multi_items(), *repeated])


class Route(APIRoute):
    """Checks, before the body: the limit of calls, the idempotency key, the media type, the bearer token (in this
    order). The token's signature is looked at first of all: it says whose call is counted."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        calls = list(_flatten(get_dependant(path=path, call=endpoint)))
        if not any(call.query_params for call in calls):
            options["dependencies"] = [*(options.get("dependencies") or []), Depends(_closed_query)]
        for stated in options.get("dependencies") or ():
            calls += _flatten(get_dependant(path=path, call=stated.dependency))
        bodies = [param for call in calls for param in call.body_params]
        form = any(isinstance(param.field_info, Form) for param in bodies)
        # A dependency that reads the body by itself names what it takes.
        own = frozenset(kind for call in calls for kind in getattr(call.call, "media_types", ()))
        self.encodings = frozenset(kind for call in calls for kind in getattr(call.call, "encodings", ()))
        self.charsets = frozenset(name for call in calls for name in getattr(call.call, "charsets", ())) | _UTF_8
        self.media_types = (_FORM_TYPES if form else _JSON_TYPES) if bodies else own
        self.max_body_bytes = max((getattr(call.call, "max_body_bytes", 0) for call in calls), default=0)
        self.secured = any(getattr(call.call, "secured", False) for call in calls)
        self.keyed = any(getattr(call.call, "keyed", False) for call in calls)
        self.scopes = tuple(scope for call in calls for scope in getattr(call.call, "scopes", ()))
        self.sets = frozenset(name for call in calls for name in getattr(call.call, "sets", ()))
        takes, safe = bool(self.media_types), options.get("methods") == ["GET"]
        usual = (Budget.READS if safe else Budget.WRITES) if self.secured else Budget.ANONYMOUS
        budgets: list[Any] = [getattr(call.call, "budget", _UNSTATED) for call in calls]
        self.budget: Budget | None = next((budget for budget in budgets if budget is not _UNSTATED), usual)
        self.problems = _problems(calls, has_body=takes, safe=safe, has_id="{" in path, counted=bool(self.budget))
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            unknown = await self._unknown(request) if self.secured else None
            if self.budget is not None:
                await request.app.state.limits.count(request, self.budget)
            if self.keyed and not request.headers.get("idempotency-key"):
                raise e.IdempotencyKeyMissing
            self._check_media_type(request)
            if unknown is not None:
                raise unknown
            return await handler(StrictRequest(request.scope, request.receive, request._send))

        return handle

    def _check_media_type(self, request: Request) -> None:
        stated, *parameters = request.headers.get("content-type", "").lower().split(";")
        stated = stated.strip()
        if not _has_body(request) and not (stated and self.media_types):
            return
        # A body where none is taken is refused, too: nothing that is sent is ignored. Neither is what would make other
        # text of the bytes.
        own = [] if stated.startswith("multipart/") else parameters
        if stated not in self.media_types or self._recoded(request, own):
            raise e.UnsupportedMediaType(headers={"Accept": ", ".join(sorted(self.media_types))})

    async def _unknown(self, request: Request) -> e.InvalidToken | None:
        """The refusal of the caller's token, which waits for its turn."""
        try:
            await request.app.state.authenticate(request)
        except e.InvalidToken as refused:
            return refused
        return None

    def _recoded(self, request: Request, parameters: list[str]) -> bool:
        """Compressed, or in another encoding, than the route takes. Parts of a multipart body say theirs themselves."""
        if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity", *self.encodings}:
            return True
        stated = (part.partition("=") for part in parameters)
        return any(name.strip() == "charset" and value.strip(' "') not in self.charsets for name, _, value in stated)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _flatten(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _flatten(child)


def _problems(
    calls: list[Dependant], *, has_body: bool, safe: bool, has_id: bool, counted: bool
) -> tuple[e.ProblemType, ...]:
    """Every error the route can give, by status and code."""
    found = {problem for call in calls for problem in getattr(call.call, "problems", ())}
    found |= {e.VALIDATION_FAILED, e.HEADERS_TOO_LARGE, e.INTERNAL_ERROR, e.BUSY}
    if counted:
        found.add(e.TOO_MANY_REQUESTS)
    if not safe:
        found.add(e.UNSUPPORTED_MEDIA_TYPE)
    if has_body:
        found |= {e.PAYLOAD_TOO_LARGE, e.BAD_REQUEST}
    if has_id or e.IDEMPOTENCY_KEY_MISSING in found:
        # Repeating a key shows a resource that may be hidden by now.
        found.add(e.NOT_FOUND)
    return tuple(sorted(found, key=lambda problem: (problem.status, problem.code)))


def larger_bodies(routes: Sequence[BaseRoute]) -> dict[tuple[str, str], int]:
    """(method, path) of the routes that take larger bodies than the rest, for the edge. Paths without parameters."""
    return {
        (method, context.path_format or ""): route.max_body_bytes
        for context in iter_route_contexts(routes)
        if isinstance(route := context.original_route, Route) and route.max_body_bytes
        for method in context.methods or ()
    }


def router(prefix: str, *, tag: str) -> APIRouter:
    """A feature's router: our route class, one tag."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route)
