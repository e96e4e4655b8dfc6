"""What the document says in words of its own: about the whole API, its errors, headers and shared parameters."""

from collections.abc import Sequence
from typing import Any

from app.core import errors as e

DESCRIPTION = """
The API of a league's 两山 practice areas: yearly plans, the key-project library and pushes into it, reporting tasks,
and the yearly judgement under recusal: commitments, declarations, expert review, evaluations, cases, publications.

* **Integrating** a system that pushes takes an afternoon: `/docs/integration.zh.md` (中文), `/docs/integration.md`,
  with an example in Python, `/docs/push.py`.
* **Errors** are RFC 9457 `application/problem+json`. Programs read `code` first: a closed set, by which the status is
  told. Then, where there is one, `reason`: a finer code; the register (`x-reasons`) grows, so treat one that you do not
  know as if there were none. `errors[].code` says what is wrong with a field. None of them is ever translated; texts
  are Chinese, or English by `Accept-Language: en`.
* **Any request** that is malformed as HTTP is refused whatever its route: 400 `bad_request`, 413 `payload_too_large`,
  415 `unsupported_media_type` (also for a body where none is taken, a `Content-Encoding`, another charset than UTF-8),
  431 `headers_too_large`. They are not repeated where a route takes no body.
* **Lists** are keyset pages: follow `next_cursor` (or the `Link` header) with the same filters.
* **Details** answer `allowed_actions`: each act on the resource, whether you may do it now, and otherwise the `reason`
  with which it would be refused.
* **Changes** need `If-Match` with the ETag that you read; POSTs that create or transition need an `Idempotency-Key`.
* **202** means that a worker does it: there is no content. Ask `Location` again, each time after `Retry-After`, until
  its state, phase or `stale` tells that it is done.
* **Tokens** end at once when your rights change (401 `invalid_token`). Refreshing, or logging in, brings the rights of
  now: after a commitment, a declaration or an accepted assignment that is how the new scopes are had.
* **Limits** of calls are counted for each person and client, and for an address where nobody is known: `RateLimit` says
  what is left of the budget, 429 `too_many_requests` comes before every other look at the request.
* **Unknown** query parameters and body members are refused with 422, never ignored.
* Money is yuan as a decimal string, dates are `YYYY-MM-DD`, times RFC 3339.
""".strip()

# What the edge and the route class refuse on any request, before it is known what the route does.
ANY_REQUEST = frozenset(
    problem.code for problem in (e.BAD_REQUEST, e.PAYLOAD_TOO_LARGE, e.UNSUPPORTED_MEDIA_TYPE, e.HEADERS_TOO_LARGE)
)

METADATA: dict[str, Any] = {
    "title": "Liangshan (两山) API",
    "version": "1.0.0",
    "description": DESCRIPTION,
    "contact": {"name": "Liangshan maintainers", "url": "https://example.invalid/liangshan"},
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "The server that serves this document."}],
}

PROBLEM = {
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
        "reason": {
            "type": "string",
            "maxLength": 64,
            "description": "A finer code, where there is one: of `x-reasons`, which grows.",
            "examples": ["wrong_state"],
        },
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
                        "description": "RFC 6901 into the body; `?name` is a query parameter, `header:name` a header, "
                        "`column:title` a column of a table.",
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
    _tag(
        "clients",
        "Other systems: registration, confirmation, secrets.",
        reason="A machine is known before it pushes under Art. 3.",
    ),
    _tag("plans", "Yearly plans (年度计划, Art. 3).", articles=[3]),
    _tag("projects", "The key-project library (重点项目库, Art. 3).", articles=[3]),
    _tag("attachments", "Files of plans, projects, self-evaluations and cases (附件).", articles=[3, 9, 13]),
    _tag("imports", "Pushes by other systems, and their receipts.", articles=[3]),
    _tag(
        "events",
        "The feed of events, and webhooks (事件推送).",
        reason="It tells other systems that there is something to look at.",
    ),
    _tag("history", "Earlier years, entered later (补录), each with its source.", articles=[3, 9, 10]),
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


# Which headers are given is a dependency's word (`sets`); here stands what they mean.
HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "The request's id; quote it when you ask for help.",
        "required": True,
        "schema": {"type": "string", "maxLength": 64},
        "example": "5f2b6c1e9a0d4c7f8b3e2a1d0c9b8a7f",
    },
    "ETag": {
        "description": "What you got: for `If-Match` of a change, and for `If-None-Match`.",
        "required": True,
        "schema": {"type": "string", "maxLength": 100},
        "example": '"3.9f86d081884c7d65"',
    },
    "Location": {
        "description": "Where GET shows what was made, or will show what comes of it.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference", "maxLength": 400},
        "example": "/v1/plans/0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f",
    },
    "Link": {
        "description": 'The next page, `rel="next"`. Absent on the last one.',
        "schema": {"type": "string", "maxLength": 8000},
        "example": '</v1/plans?cursor=eyJ9&limit=50>; rel="next"',
    },
    "ContentDisposition": {
        "description": "To be saved, by this name (RFC 6266).",
        "required": True,
        "schema": {"type": "string", "maxLength": 4000},
        "example": "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E6%89%AB%E6%8F%8F.pdf",
    },
    "IdempotentReplayed": {
        "description": "`true` where the key's act was done before, and this shows its resource as you may see it now.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWWAuthenticate": {
        "description": "What is asked for (RFC 6750): with `insufficient_scope` the scopes of which any one would do.",
        "schema": {"type": "string", "maxLength": 4000},
        "example": 'Bearer error="invalid_token"',
    },
    "RetryAfter": {
        "description": "Seconds after which it is worth another try.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,5}$"},
        "example": "1",
    },
    "RateLimitPolicy": {
        "description": "Which budget the request was counted in: `q` requests in `w` seconds "
        "(draft-ietf-httpapi-ratelimit-headers). Absent where the operator counts nothing.",
        "schema": {"type": "string", "maxLength": 200},
        "example": '"reads";q=1200;w=60',
    },
    "RateLimit": {
        "description": "What is left of it (`r`), and in how many seconds it is whole again (`t`); on a 429, in how "
        "many the next request is taken.",
        "schema": {"type": "string", "maxLength": 200},
        "example": '"reads";r=1187;t=1',
    },
    "Accept": {
        "description": "The media types that are taken here.",
        "schema": {"type": "string", "maxLength": 400},
        "example": "application/json",
    },
}


# Of problems: which code comes with which header.
WITH_HEADERS = {
    e.INVALID_TOKEN.code: "WWW-Authenticate",
    e.INVALID_CLIENT.code: "WWW-Authenticate",
    e.INSUFFICIENT_SCOPE.code: "WWW-Authenticate",
    e.IDEMPOTENCY_IN_FLIGHT.code: "Retry-After",
    e.BUSY.code: "Retry-After",
    e.TOO_MANY_REQUESTS.code: "Retry-After",
    e.UNSUPPORTED_MEDIA_TYPE.code: "Accept",
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that you have: 304 without content if it is still the one.",
    "schema": {"type": "string", "maxLength": 400},
    "example": '"3.9f86d081884c7d65"',
}


# What parameters that several lists or paths share mean, where a route says nothing of its own.
PARAMETERS = {
    "import_run_id": "Only what this push brought.",
    "action": "Only rows with which this was done.",
    "basis": "Only those found on this ground.",
    "active": "Only those who are in the pool now, or who are not.",
    "actor_id": "Only what this person or client did.",
    "area_id": "The practice area's id.",
    "article": "The article's number.",
    "assessment_year": "Only of the evaluation of this year.",
    "assignment_id": "The assignment's id.",
    "attachment_id": "The file's id.",
    "building_stage": "Only projects in this stage.",
    "case_id": "The case's id.",
    "client_id": "The client's id: not the name that it logs in by.",
    "code": "The code.",
    "commitment_id": "The commitment's id.",
    "credit_code": "The organisation with this code (GB 32100).",
    "cycle_id": "The evaluation cycle's id.",
    "declaration_id": "The declaration's id.",
    "delivery_id": "The message's id.",
    "employment_id": "The employment's id.",
    "evaluation_id": "The self-evaluation's id.",
    "file_id": "The appraisal's or the case's file's id.",
    "grant_id": "The grant's id.",
    "item_id": "The item's id.",
    "kind": "Only those of this kind.",
    "membership": "Only projects with this membership.",
    "mode_code": "Only those of this mode (`/v1/modes`).",
    "organisation_id": "The organisation's id.",
    "outcome": "Only what ended so.",
    "owner_id": "The id of the plan, project, self-evaluation or case.",
    "owner_kind": "What the files belong to.",
    "panel_id": "The panel's id.",
    "person_id": "The person's id.",
    "plan_id": "The plan's id.",
    "project_id": "The project's id.",
    "publication_id": "The publication's id.",
    "recusal_id": "The recusal's id.",
    "region_code": "Only those of this region (`/v1/regions`).",
    "resource_id": "Only what was done to the resource with this id.",
    "round_id": "The case round's id.",
    "match_id": "The pair's id.",
    "run_id": "The import's id.",
    "scheme_id": "The scheme's id.",
    "sealed_scan": "Only sealed scans, or only the other files.",
    "secret_id": "The secret's id.",
    "since": "At or after this time (RFC 3339).",
    "sort": "The order; `-` is descending.",
    "source_system": "Only those that this source system pushed.",
    "stale": "Only those whose repair after a recusal is due, or only the others.",
    "state": "Only those in this state.",
    "subject_kind": "Only those about this kind of subject.",
    "task_id": "The reporting task's id.",
    "until": "Before this time (RFC 3339).",
    "version": "The version's number.",
    "webhook_id": "The subscription's id.",
    "year": "Only those of this year.",
}

# What members that many models share mean, where a model says nothing of its own.
MEMBERS = {
    "id": "Its id, for ever.",
    "version": "Counts the changes; the part of the ETag that `If-Match` compares.",
    "created_at": "When it was made.",
    "updated_at": "When it was last changed.",
    "decided_at": "When it was decided.",
    "decided_by": "The person who decided it.",
    "region_code": "The region's code (`/v1/regions`).",
    "organisation_id": "The organisation (`/v1/organisations`).",
    "responsible_organisation_id": "The organisation that answers for it (`/v1/organisations`).",
    "person_id": "The person (`/v1/people`).",
    "project_id": "The project (`/v1/projects`).",
    "case_id": "The case (`/v1/cases`).",
    "cycle_id": "The evaluation cycle (`/v1/evaluation-cycles`).",
    "round_id": "The case round (`/v1/case-rounds`).",
    "year": "The calendar year.",
    "position": "Its place among its kind: the lower the earlier.",
    "due_on": "The last day, in the league's time.",
    "starts_on": "The first day.",
    "ends_on": "The last day; null while it is open.",
    "name_zh": "The name in Chinese.",
    "name_en": "The name in English.",
    "mode_code": "The conversion mode (`/v1/conversion-modes`).",
    "next_cursor": "For `cursor` of the next page; null on the last one.",
    "allowed_actions": "Each act on this: whether you may do it now, and if not, why.",
    "is_example": "Whether it is an example (示例), and nobody's figure.",
}
