"""The closed set of errors: code, status and titles. Raised as domain errors, rendered in `problems.py`.

Nothing here knows HTTP's machinery; `status` is a plain number of the register.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import structlog
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One line of the register: `code` is what programs read and is never translated."""

    code: str
    status: int
    title_zh: str
    title_en: str


REGISTER: dict[str, ProblemType] = {}


def _problem(code: str, status: int, title_zh: str, title_en: str) -> ProblemType:
    REGISTER[code] = ProblemType(code, status, title_zh, title_en)
    return REGISTER[code]


IDEMPOTENCY_KEY_MISSING = _problem(
    "idempotency_key_missing", 400, "缺少 Idempotency-Key 请求头", "The Idempotency-Key header is missing"
)
BAD_REQUEST = _problem("bad_request", 400, "请求无法理解", "The request cannot be understood")
INVALID_GRANT = _problem("invalid_grant", 400, "凭据无效", "The credentials are not valid")
UNSUPPORTED_GRANT = _problem("unsupported_grant_type", 400, "不支持的授权类型", "Grant type not supported")
INVALID_SCOPE = _problem("invalid_scope", 400, "申请的权限范围无效", "The scope asked for is not available")
INVALID_TOKEN = _problem("invalid_token", 401, "令牌无效或已失效", "The access token is missing or not valid")
INVALID_CLIENT = _problem("invalid_client", 401, "客户端凭据无效", "The client's credentials are not valid")
INSUFFICIENT_SCOPE = _problem("insufficient_scope", 403, "权限范围不足", "A scope is missing")
RECUSED = _problem("recused", 403, "您已就该对象回避", "You are recused from this subject")
FORBIDDEN = _problem("forbidden", 403, "不允许此操作", "This act is not allowed")
NOT_FOUND = _problem("not_found", 404, "未找到", "Not found")
METHOD_NOT_ALLOWED = _problem("method_not_allowed", 405, "不支持该方法", "Method not allowed")
CONFLICT = _problem("conflict", 409, "与现有数据冲突", "It conflicts with what is there")
STATE_CONFLICT = _problem("state_conflict", 409, "当前状态不允许此操作", "The state does not allow this act")
FOUR_EYES = _problem("four_eyes", 409, "须由另一人办理", "Another person must do this")
IDEMPOTENCY_IN_FLIGHT = _problem(
    "idempotency_in_flight", 409, "相同的请求正在处理", "The same request is being processed"
)
PRECONDITION_FAILED = _problem("precondition_failed", 412, "数据已被他人修改", "It was changed in the meantime")
PAYLOAD_TOO_LARGE = _problem("payload_too_large", 413, "请求体过大", "The request body is too large")
UNSUPPORTED_MEDIA_TYPE = _problem("unsupported_media_type", 415, "不支持的内容类型", "Media type not supported")
VALIDATION_FAILED = _problem("validation_failed", 422, "数据校验未通过", "The data is not valid")
IDEMPOTENCY_KEY_REUSED = _problem(
    "idempotency_key_reused", 422, "该幂等键已用于另一请求", "The key was used for another request"
)
PRECONDITION_REQUIRED = _problem("precondition_required", 428, "缺少 If-Match", "If-Match is required")
TOO_MANY_REQUESTS = _problem("too_many_requests", 429, "请求过于频繁", "Too many requests")
HEADERS_TOO_LARGE = _problem("headers_too_large", 431, "请求头过大", "The request headers are too large")
INTERNAL_ERROR = _problem("internal_error", 500, "服务器内部错误", "Internal server error")
BUSY = _problem("busy", 503, "系统繁忙，请稍后重试", "Busy: try again shortly")


# Every reason that can be given, with its wordings in English: the register of the finer codes. Unlike the codes of
# `REGISTER` it grows with the product.
REASONS: dict[str, set[str]] = {}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an act is refused: a code for programs, words for people in both languages. Making one enters it."""

    code: str
    zh: str
    en: str

    def __post_init__(self) -> None:
        REASONS.setdefault(self.code, set()).add(self.en)


class WordedReason(Reason):
    """A reason of the register, said with what this very refusal is about."""

    __slots__ = ()

    def __post_init__(self) -> None:
        assert self.code in REASONS  # noqa: S101 - it stands in the register by its general wording


SCOPE_MISSING = Reason("scope_missing", "缺少权限范围", "A scope is missing")


# What can be wrong with a field. Templates take the limits of the schema, never the input.
FIELD_CODES: dict[str, tuple[str, str]] = {
    "required": ("必填", "required"),
    "unknown_field": ("未知字段", "unknown field"),
    "unknown_parameter": ("未知参数", "unknown parameter"),
    "repeated_parameter": ("参数重复", "the parameter is given more than once"),
    "malformed_json": ("不是合法的 JSON", "not valid JSON"),
    "wrong_state": ("当前状态不允许此操作", "not possible in its state"),
    "stale_version": ("内容已变化，请重新查看", "it has changed since you saw it"),
    "reason_required": ("须说明理由", "the reason is missing"),
    "malformed_gzip": ("不是完整的 gzip 数据", "not complete gzip data"),
    "malformed_multipart": ("不是合法的 multipart/form-data", "not valid multipart/form-data"),
    "type_mismatch": ("声明的类型或扩展名与文件内容不符", "the declared type or extension is not what the file is"),
    "empty_file": ("文件为空", "the file is empty"),
    "duplicate_member": ("JSON 成员名重复", "a member name occurs twice"),
    "wrong_type": ("类型不正确", "wrong type"),
    "too_short": ("太短", "too short"),
    "too_long": ("太长", "too long"),
    "too_few": ("项数太少", "too few items"),
    "too_many": ("项数太多", "too many items"),
    "out_of_range": ("超出范围", "out of range"),
    "invalid_format": ("格式不正确", "wrong format"),
    "invalid_choice": ("不在可选值之内", "not one of the allowed values"),
    "invalid_value": ("数值无效", "the value is not valid"),
    "invalid_cursor": ("游标无效", "the cursor is not valid for this list"),
    "unknown_reference": ("引用的对象不存在", "the referenced object does not exist"),
    "duplicate": ("重复", "given more than once"),
    "circular": ("上级单位不得是其自身或其下级", "a body cannot stand under itself"),
    "dates_out_of_order": ("结束日期早于开始日期", "the end is before the start"),
    "checksum": ("校验位不正确", "the check digit is wrong"),
    "not_committed_to": ("与承诺不符", "it is not what was committed to"),
    "ring_not_closed": ("环的首尾坐标不一致", "the ring's first and last positions differ"),
    "outside_regions": ("不在本客户端的区划范围内", "outside the regions of this client"),
    "fixed": ("不可更改", "cannot be changed"),
    "exists": ("已存在", "it exists already"),
    "assessed_here": (
        "该年度在本系统评估，结果以公布的为准",
        "this year is evaluated here: its results are what is published",
    ),
    "not_found": ("不存在", "it does not exist"),
    "conflict": ("与现有数据冲突", "it conflicts with what is there"),
    "ambiguous": ("对应多个对象，请给出唯一标识", "several match: state the identifying code"),
    "mixed_years": ("同一来源不得既分年度又按全周期填报", "give a source by year or for the whole life, not both"),
    # Of tables (CSV and workbooks): the whole file, its header, one cell.
    "charset_unknown": ("编码既不是 UTF-8 也不是 GB 18030", "the encoding is neither UTF-8 nor GB 18030"),
    "charset_contradicted": ("内容与声明的编码不符", "the text is not in the encoding that is stated"),
    "charset_unclear": (
        "编码无法确定（或文字已乱码），请在 Content-Type 中注明 charset，或另存为 UTF-8",
        "the encoding is not certain (or the text is garbled): state the charset, or save it as UTF-8",
    ),
    "separator_unclear": ("分隔符无法确定", "the separator is not certain"),
    "malformed_csv": ("不是合法的 CSV（引号不配对）", "not valid CSV (quotation marks)"),
    "cell_too_long": ("单元格过长，或引号未闭合", "a cell is too long, or a quotation mark is never closed"),
    "not_a_workbook": ("不是 .xlsx 工作簿", "not an .xlsx workbook"),
    "old_workbook": (
        "是旧版 .xls 或加密的工作簿，请另存为不加密的 .xlsx",
        "an old .xls or an encrypted workbook: save it as .xlsx without a password",
    ),
    "damaged_workbook": ("工作簿已损坏，无法读取", "the workbook is damaged and cannot be read"),
    "several_sheets": (
        "有多个工作表且没有名为“项目报送”的，无法确定读取哪个",
        "several sheets, and none is named 项目报送: which one is meant is not certain",
    ),
    "header_missing": ("找不到表头（含“项目名称”列的行）", "there is no header (a row with the column 项目名称)"),
    "unknown_column": ("未知列", "unknown column"),
    "repeated_column": ("列重复", "the column is given more than once"),
    "missing_column": ("缺少该列", "the column is missing"),
    "too_many_columns": ("列数过多", "too many columns"),
    "unit_missing": ("列名须注明单位，如（万元）", "the title must state the unit, such as （万元）"),
    "empty_row": ("空行", "an empty row"),
    "cell_without_column": ("该单元格所在列没有列名", "a cell whose column has no title"),
    "cleared_and_stated": ("既填“（清空）”又填了内容", "both cleared and stated"),
    "damaged_text": ("文字已乱码", "the text is garbled"),
    "not_text": (
        "应为文本：已被转成日期、小数或超过 15 位的数字，请按文本格式重填",
        "not a text: a date, a fraction, or a number of more than 15 digits; type it again as text",
    ),
    "not_a_number": ("不是可确定的数字", "not certainly a number"),
    "not_whole": ("应为整数", "not a whole number"),
    "too_precise": ("精度超过分（0.01）", "finer than two decimals"),
    "unit_mismatch": ("单位与列名不一致", "the unit is not the column's"),
    "not_a_date": ("不是可确定的日期，请写成 2026-05-01", "not certainly a date: write it as 2026-05-01"),
    "date_serial": ("日期是序列号，请写成 2026-05-01", "the date is a serial number: write it as 2026-05-01"),
    "cell_error": ("单元格是错误值", "the cell is an error value"),
    "formula_without_value": ("公式没有保存计算结果", "the formula's result was not saved"),
    "merged_cell": ("合并单元格，无法确定属于哪一行", "a merged cell: which row it belongs to is not certain"),
    "export_too_large": (
        "超过 20000 个项目，请缩小范围，或用 CSV、NDJSON 导出",
        "more than 20,000 projects: narrow it, or export CSV or NDJSON",
    ),
    "receiver_refused": ("不允许向该地址推送", "nothing may be sent there"),
    "weak_password": ("口令强度不足", "the password is too weak"),
}


# Follows a query parameter's name where it was given more than once; no name from a URL ends so by chance.
REPEATED = "\x00repeated"


LONGEST_POINTER = 500


def pointer(path: Iterable[str | int]) -> str:
    """RFC 6901, cut where an unknown member's name makes it longer than the schema allows."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)[:LONGEST_POINTER]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error of a payload: where (RFC 6901 pointer, or `?name` for a query parameter) and which."""

    pointer: str
    code: str

    def words(self, language: str) -> str:
        zh, en = FIELD_CODES[self.code]
        return en if language == "en" else zh


class DomainError(Exception):
    """Something the caller must be told: a reason where there is one, errors that point into the payload.

    `trace`: the refusal leaves an audit entry, committed apart, before it is answered.
    """

    type: ClassVar[ProblemType]
    trace: ClassVar[bool] = False

    def __init__(
        self,
        reason: Reason | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(self.type.code)
        self.reason = reason
        self.errors = tuple(errors)
        self.headers = headers or {}


class InvalidToken(DomainError):
    type = INVALID_TOKEN

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class InsufficientScope(DomainError):
    type = INSUFFICIENT_SCOPE
    trace = True

    def __init__(self, *scopes: str) -> None:
        """`scopes`: the one that is missing, or several of which any one would do."""
        challenge = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
        one = len(scopes) == 1
        zh = f"缺少权限范围 {'、'.join(scopes)}" + ("" if one else "（其一即可）")
        en = f"The scope {scopes[0]} is missing" if one else f"One of the scopes {', '.join(scopes)} is needed"
        super().__init__(WordedReason(SCOPE_MISSING.code, zh, en), headers={"WWW-Authenticate": challenge})


class Recused(DomainError):
    """The caller is recused from the subject that the request names (回避, Art. 11)."""

    type = RECUSED
    trace = True


class Forbidden(DomainError):
    type = FORBIDDEN
    trace = True


class NotFound(DomainError):
    """Absent or hidden: the answer is the same."""

    type = NOT_FOUND


class Conflict(DomainError):
    type = CONFLICT


class StateConflict(DomainError):
    type = STATE_CONFLICT


class FourEyes(DomainError):
    type = FOUR_EYES
    trace = True


class PreconditionFailed(DomainError):
    type = PRECONDITION_FAILED


class PreconditionRequired(DomainError):
    type = PRECONDITION_REQUIRED


class IdempotencyKeyMissing(DomainError):
    type = IDEMPOTENCY_KEY_MISSING


class IdempotencyInFlight(DomainError):
    type = IDEMPOTENCY_IN_FLIGHT

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class IdempotencyKeyReused(DomainError):
    type = IDEMPOTENCY_KEY_REUSED


class UnsupportedMediaType(DomainError):
    type = UNSUPPORTED_MEDIA_TYPE


class PayloadTooLarge(DomainError):
    type = PAYLOAD_TOO_LARGE


class Invalid(DomainError):
    """A payload that is well-formed but cannot be accepted."""

    type = VALIDATION_FAILED

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(errors=errors)


class BadRequest(DomainError):
    type = BAD_REQUEST


class MethodNotAllowed(DomainError):
    type = METHOD_NOT_ALLOWED


class HeadersTooLarge(DomainError):
    type = HEADERS_TOO_LARGE


class TooManyRequests(DomainError):
    type = TOO_MANY_REQUESTS

    def __init__(self, seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(seconds)})


class InternalError(DomainError):
    type = INTERNAL_ERROR


class Busy(DomainError):
    type = BUSY

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


# What the violation of a named constraint means to a caller; features add theirs. A name that is missing is a
# generic conflict: unique and foreign-key checks see hidden rows, so they must not tell which row they met.
CONSTRAINT_REASONS: dict[str, Reason] = {}


def from_database(error: DBAPIError) -> DomainError:
    """The domain error that PostgreSQL's answer stands for; unknown errors are raised as they are."""
    state = getattr(error.orig, "sqlstate", None)
    structlog.get_logger().info("database_refused", sqlstate=state, constraint=_constraint(error))
    if isinstance(getattr(error.orig, "__cause__", None), ValueError):
        # The driver's own refusal of a value that the column's type cannot hold.
        return Invalid(FieldError("", "invalid_value"))
    if state is None or error.connection_invalidated:
        return Busy()
    match state[:2], state:
        case _, "40P01" | "40001" | "55P03" | "57014" | "57P01" | "57P03" | "53300" | "25P03":
            return Busy()
        case _, "23505" | "23P01":
            return Conflict(CONSTRAINT_REASONS.get(_constraint(error)))
        case _, "23503":
            return Invalid(FieldError("", "unknown_reference"))
        case _, "23514" | "23502":
            return Invalid(FieldError("", "invalid_value"))
        case _, "42501":
            # An upsert that met a row which is hidden (the server's text, in any language, names the USING clause)
            # conflicts like an insert that did: neither tells of the row.
            return Conflict() if "(USING" in str(error.orig) else Forbidden()
        case "22", _:
            return Invalid(FieldError("", "invalid_value"))
        case "08", _:
            return Busy()
        case _:
            raise error


def _constraint(error: DBAPIError) -> str:
    cause = getattr(error.orig, "__cause__", None)
    return getattr(cause, "constraint_name", None) or ""
