"""What an integrator takes from the document alone: examples that are accepted, codes and reasons, headers."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from app.core import openapi
from app.core.errors import FIELD_CODES, REASONS, REGISTER
from app.core.routing import Route
from app.models.identity import Role
from tests.core.walk import Operation, operations
from tests.world import World

# Acts of the league's side, which bar whoever is recused from the subject that the request names. As staff of the
# own region one does what any applicant may (Art. 11).
BARRED = {
    "join_project_match",
    "tell_project_match_apart",
    "reopen_project_match",
    "replace_field_ownership",
    "decide_admissions",
    "update_organisation",
    "check_eligibility",
    "file_plan",
    "return_plan",
    "admit_project",
    "decline_project",
    "leave_library",
    "accept_evaluation",
    "return_evaluation",
    "return_case",
    "start_case_review",
    "extend_reporting_task",
    "create_practice_area",
    "update_practice_area",
    "adjust_practice_area",
    "withdraw_practice_area",
    "create_recusal",
    "push_earlier_results",
    # Of a push of earlier results.
    "retry_import",
}


# Not to be refused to a supervisor, which would take the service for dead.
UNCOUNTED = {"get_health", "get_readiness"}


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(part)


def _taken(api: FastAPI) -> Iterator[tuple[str, TypeAdapter[Any], Any]]:
    """Every request example, with the model that reads it."""
    own = {model.__name__: model for model in openapi._BODIES}
    routes = {c.name: c.original_route for c in iter_route_contexts(api.routes)}
    for operation in operations(api):
        for kind, media in operation.spec.get("requestBody", {}).get("content", {}).items():
            route = routes[operation.name]
            assert isinstance(route, Route)
            # A push's rows are read each by itself, in the words of one client: its receipt is their test.
            if kind == "application/json" and not operation.path.startswith("/v1/imports/"):
                params = route.dependant.body_params
                named = media["schema"].get("$ref", "").rsplit("/", 1)[-1]
                model: Any = params[0].field_info.annotation if params else own[named]
                yield operation.name, TypeAdapter(model), media["example"]


def test_every_request_example_is_one_that_its_model_takes(shared_api: FastAPI) -> None:
    """With the models' own validators, which no JSON Schema says."""
    checked = 0
    for name, model, example in _taken(shared_api):
        assert model.validate_json(json.dumps(example)) is not None, name
        checked += 1
    assert checked > 40


async def test_the_examples_of_starting_a_recusal_are_what_the_api_takes_and_gives(world: World) -> None:
    spec = world.api.openapi()["paths"]["/v1/recusals"]["post"]
    body = spec["requestBody"]["content"]["application/json"]["example"]
    expert = await world.person(Role.EXPERT)
    informant = await world.person((Role.REGION_EDITOR, "152501"))
    assert (await informant.post("/v1/recusals", {**body, "person_id": str(expert.id)})).status_code == 202
    shown = spec["responses"]["201"]["content"]["application/json"]["example"]
    assert (shown["subject_kind"], shown["subject_key"]) == ("region", "152501")


def test_a_recusal_bars_from_the_acts_of_the_league_and_from_no_other(shared_api: FastAPI) -> None:
    declared = {
        operation.name
        for operation in operations(shared_api)
        if "recused" in json.dumps(operation.spec["responses"].get("403", {}).get("content", {}))
    }
    assert declared == BARRED


def test_the_register_of_reasons_stands_in_the_document(shared_api: FastAPI) -> None:
    document = shared_api.openapi()
    assert document["info"]["x-reasons"].keys() == REASONS.keys()
    assert all(words for words in document["info"]["x-reasons"].values())
    # Open for the clients' generators: a reason that they do not know is none.
    assert "enum" not in document["components"]["schemas"]["Problem"]["properties"]["reason"]


def test_texts_name_codes_as_codes_and_reasons_as_reasons(shared_api: FastAPI) -> None:
    named = 0
    for operation in operations(shared_api):
        text = " ".join(operation.spec["description"].split())
        for status, code in re.findall(r"\b(4\d\d) `([a-z_]+)`", text):
            assert code in FIELD_CODES if status == "422" else REGISTER[code].status == int(status), (
                operation.name,
                code,
            )
            answer = operation.spec["responses"][status]["content"]["application/problem+json"]
            assert status == "422" or code in answer["examples"], (operation.name, code)
            named += 1
        for reason in re.findall(r"reason `([a-z_]+)`", text):
            assert reason in REASONS, (operation.name, reason)
            named += 1
    assert named > 30


def test_nothing_of_the_workshop_is_left_in_it(shared_api: FastAPI) -> None:
    document = shared_api.openapi()
    assert [name for name in document["components"]["schemas"] if "__" in name] == []
    assert [node for node in _walk(document) if isinstance(node, float) and node.is_integer()] == []
    schemas = [node for node in _walk(document["components"]["schemas"]) if isinstance(node, dict) and "type" in node]
    for foreign in ("ge", "le", "decimal_places", "max_digits"):
        assert not any(isinstance(schema.get(foreign), int) for schema in schemas), foreign


def _headers(operation: Operation, status: str) -> set[str]:
    return set(operation.spec["responses"].get(status, {}).get("headers", {}))


def test_headers_are_declared_where_they_are_given(shared_api: FastAPI) -> None:
    every = {operation.name: operation for operation in operations(shared_api)}
    always = {"X-Request-Id", "RateLimit", "RateLimit-Policy"}
    assert _headers(every["get_plan"], "200") == {"ETag", *always}
    assert _headers(every["get_plan"], "304") == {"ETag", *always}
    assert _headers(every["create_plan"], "201") == {"ETag", "Location", "Idempotent-Replayed", *always}
    assert _headers(every["list_plans"], "200") == {"Link", *always}
    assert _headers(every["draw_panel"], "202") == {"Idempotent-Replayed", "Location", "Retry-After", *always}
    for name in ("get_attachment_content", "get_dossier_attachment"):
        assert _headers(every[name], "200") == {"ETag", "Content-Disposition", *always}
    assert _headers(every["get_publication_content"], "200") == {"ETag", *always}
    for operation in every.values():
        counted = operation.name not in UNCOUNTED
        assert ("429" in operation.spec["responses"]) == counted, operation.name
        for status in operation.spec["responses"]:
            assert (always <= _headers(operation, status)) == counted, (operation.name, status)
        if counted:
            assert "Retry-After" in _headers(operation, "429"), operation.name
        if operation.secured:
            assert "WWW-Authenticate" in _headers(operation, "401"), operation.name
        assert "Retry-After" in _headers(operation, "503"), operation.name
        parameters = {p["name"] for p in operation.spec.get("parameters", ()) if p["in"] == "header"}
        assert ("If-None-Match" in parameters) == ("304" in operation.spec["responses"]), operation.name
        assert ("If-Match" in parameters) == ("428" in operation.spec["responses"]), operation.name
        if operation.keyed:
            assert "Retry-After" in _headers(operation, "409"), operation.name


@pytest.mark.parametrize("reader", [Role.LEAGUE_OFFICE, Role.AUDITOR])
async def test_what_is_not_there_is_404_before_its_parameters_are_looked_at(world: World, reader: Role) -> None:
    caller = await world.person(reader)
    met = 0
    for operation in operations(world.api):
        if operation.method != "get" or "{" not in operation.path or operation.path.startswith("/v1/regulation"):
            continue
        url = operation.url(code="999999", version="99999")
        first = await caller.get(url)
        if first.status_code == 404:
            assert (await caller.get(url, params={"colour": "1"})).status_code == 404, operation.name
            met += 1
    assert met > 5


async def test_a_body_in_another_encoding_is_415(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    body = b'{"name": "\xe7\xa4\xba", "kind": "enterprise", "no_code_reason": "-", "region_code": "152501"}'
    path = "/v1/organisations"
    for headers in (
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "identity, br"},
        {"Content-Type": "application/json; charset=gbk"},
        {"Content-Type": 'application/json; charset="utf-16"'},
        {"Content-Type": "application/merge-patch+json"},
    ):
        answer = await office.post(path, headers=headers, content=body)
        assert (answer.status_code, answer.headers["accept"]) == (415, "application/json"), headers
    for kind in ("application/json", "application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"'):
        sent = {"Content-Type": kind, "Content-Encoding": "identity", "Idempotency-Key": uuid4().hex}
        assert (await office.post(path, headers=sent, content=body)).status_code == 201, kind


async def test_times_in_queries_are_times(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for path in ("/v1/plans", "/v1/projects", "/v1/cases"):
        for value in ("1", "0", "-1", "2026-03-02", "2026-03-02T01:00:00"):
            answer = await office.get(path, params={"updated_since": value})
            assert answer.status_code == 422, (path, value)
            assert answer.json()["errors"][0]["code"] == "invalid_format"
        assert (await office.get(path, params={"updated_since": "2026-03-02T01:00:00Z"})).status_code == 200


async def test_words_inside_resources_are_in_the_language_asked_for(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = (await editor.post("/v1/plans", {"region_code": "152501", "year": 2026})).headers["location"]
    for language, refusal, missing in (
        ("en", "A scope is missing", "None of your roles gives it"),
        ("zh-CN", "缺少权限范围", "您的角色不含此权限"),
    ):
        headers = {"Accept-Language": language}
        actions = {a["action"]: a for a in (await editor.get(path, headers=headers)).json()["allowed_actions"]}
        assert actions["sign"]["detail"] == refusal
        scopes = {s["scope"]: s for s in (await editor.get("/v1/me", headers=headers)).json()["missing_scopes"]}
        assert scopes["plans:file"]["detail"] == missing


async def test_a_missing_scope_is_told_with_all_that_would_do(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    refused = await admin.get(f"/v1/panels/{uuid4()}", headers={"Accept-Language": "en"})
    assert refused.json()["detail"] == "One of the scopes evaluations:manage, cases:manage is needed"
    assert 'scope="evaluations:manage cases:manage"' in refused.headers["www-authenticate"]
    one = await admin.get("/v1/plans", headers={"Accept-Language": "en"})
    assert one.json()["detail"] == "The scope plans:read is missing"
