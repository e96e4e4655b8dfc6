"""Keyset pages with signed cursors, bound to the path, the filters and the viewer."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Row, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError, Invalid
from app.core.routing import sets

T = TypeVar("T")
Out = TypeVar("Out")


# A cursor holds the sort keys of a row: a name of 200 characters beyond the BMP takes 800 bytes.
MAX_CURSOR = 2000


class PageParams(BaseModel):
    """What every list takes. Filters extend it; anything else in the query is refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200, description="Items per page.")
    cursor: str | None = Field(default=None, max_length=MAX_CURSOR, description="`next_cursor` of the page before.")
    include_total: bool = Field(default=False, description="Also count all items that match.")


class Page(BaseModel, Generic[T]):
    """One page. `total` is null unless asked for with `include_total=true`."""

    items: list[T] = Field(max_length=200)
    next_cursor: str | None = Field(max_length=MAX_CURSOR)
    total: int | None = Field(ge=0, le=2**53, description="How many match in all, with `include_total=true`.")


@dataclass(frozen=True, slots=True)
class Order:
    """A list's order: columns that are never null, the last one unique; all in one direction."""

    columns: tuple[ColumnElement[Any], ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A page's rows before they are shown. The first column (or the entity) is what a row shows."""

    rows: Sequence[Row[Any]]
    next_cursor: str | None
    total: int | None

    def show(self, render: Callable[[Any], Out]) -> "Page[Out]":
        """Render each row's first element: an entity, or the only selected thing."""
        return Page(items=[render(row[0]) for row in self.rows], next_cursor=self.next_cursor, total=self.total)

    def show_rows(self, render: Callable[[Row[Any]], Out]) -> "Page[Out]":
        """Render whole rows, where a list selects columns."""
        return Page(items=[render(row) for row in self.rows], next_cursor=self.next_cursor, total=self.total)


class Pages:
    """Cuts a statement into pages for one request, and sets its `Link` header."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response
        self._secret: bytes = request.app.state.cursor_secret

    async def of(self, session: AsyncSession, statement: Select[Any], params: PageParams, order: Order) -> Rows:
        """One page of the statement's rows. Raises `Invalid` for a cursor of another list, filter or viewer."""
        total = None
        if params.include_total:
            total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
        marked = statement.add_columns(*(c.label(f"_k{i}") for i, c in enumerate(order.columns)))
        marked = marked.order_by(*(c.desc() if order.descending else c.asc() for c in order.columns))
        if params.cursor is not None:
            edge = tuple_(*(literal(v, c.type) for v, c in zip(self._read(params, order), order.columns, strict=True)))
            keys = tuple_(*order.columns)
            marked = marked.where(keys < edge if order.descending else keys > edge)
        rows = (await session.execute(marked.limit(params.limit + 1))).all()
        more = len(rows) > params.limit
        rows = rows[: params.limit]
        cursor = None
        if more:
            last = rows[-1]._mapping
            cursor = self._write(params, [last[f"_k{i}"] for i in range(len(order.columns))])
            link = self._request.url.include_query_params(cursor=cursor)
            self._response.headers["Link"] = f'<{link.path}?{link.query}>; rel="next"'
        return Rows(rows, cursor, total)

    def _write(self, params: PageParams, keys: list[Any]) -> str:
        payload = json.dumps([_to_json(key) for key in keys], ensure_ascii=False).encode()
        return _b64(self._signature(params, payload) + payload)

    def _read(self, params: PageParams, order: Order) -> list[Any]:
        refused = Invalid(FieldError("?cursor", "invalid_cursor"))
        cursor = params.cursor or ""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error) as error:
            raise refused from error
        signature, payload = raw[:16], raw[16:]
        if _b64(raw) != cursor or not hmac.compare_digest(signature, self._signature(params, payload)):
            raise refused
        # Signed by us for this very list, so its values have the columns' types.
        return [_from_json(v, c.type.python_type) for v, c in zip(json.loads(payload), order.columns, strict=True)]

    def _signature(self, params: PageParams, payload: bytes) -> bytes:
        filters = params.model_dump(mode="json", exclude={"cursor", "limit", "include_total"})
        viewer = str(getattr(self._request.state, "principal_id", ""))
        bound = json.dumps([self._request.url.path, viewer, filters], sort_keys=True).encode()
        return hmac.digest(self._secret, bound + b"\0" + payload, hashlib.sha256)[:16]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _to_json(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else str(value) if isinstance(value, UUID) else value.isoformat()


def _from_json(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    return UUID(value) if kind is UUID else value


@sets("Link")
async def get_pages(request: Request, response: Response) -> Pages:
    return Pages(request, response)


Paging = Annotated[Pages, Depends(get_pages)]
