"""Uploading, reading and taking away: five answers per route, who may, when, and what is left behind."""

import hashlib
from uuid import UUID, uuid4

import pytest

from app.models.identity import Role
from tests.attachments.samples import ACCEPTED, PDF, PNG
from tests.attachments.uploads import PATH, SCAN, blobs, owner_of, upload, uploaded
from tests.plans.scene import OTHER, REGION, REMARKS, SIGNATURE, Scene, done, make_scene
from tests.world import Actor, World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


def _listing(owner: str) -> str:
    stated = owner_of(owner)
    return f"{PATH}?owner_kind={stated['owner_kind']}&owner_id={stated['owner_id']}"


async def test_upload_and_read_back(scene: Scene) -> None:
    plan = await scene.plan()
    made = await upload(scene.editor, plan, name="资源评估.pdf")
    assert made.status_code == 201, made.text
    assert made.json() | {"id": "", "uploaded_at": ""} == {
        "id": "",
        **owner_of(plan),
        "region_code": REGION,
        "name": "资源评估.pdf",
        "media_type": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "sealed_scan": False,
        "document_number": None,
        "document_date": None,
        "uploaded_by": str(scene.editor.id),
        "uploaded_at": "",
        "released_at": None,
        "allowed_actions": [{"action": "delete", "allowed": True, "reason": None, "detail": None}],
    }
    path = made.headers["location"]
    shown = await scene.editor.get(path)
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    listed = await scene.editor.get(_listing(plan))
    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]
    audits = await scene.world.rows(
        "SELECT action, changes ->> 'sha256' FROM audit_entries WHERE resource_id = :id", id=made.json()["id"]
    )
    assert [tuple(row) for row in audits] == [("attachments.create", hashlib.sha256(PDF).hexdigest())]
    assert await scene.world.rows("SELECT 1 FROM outbox_events WHERE resource_id = :id", id=made.json()["id"])


@pytest.mark.parametrize("extension", ACCEPTED)
async def test_bytes_come_back_as_they_were_sent(scene: Scene, extension: str) -> None:
    content, media_type = ACCEPTED[extension]
    path = await uploaded(scene.editor, await scene.plan(), content, name=f"示例文件.{extension}", declared=media_type)
    answer = await scene.editor.get(f"{path}/content")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == (
        f"attachment; filename=\"____.{extension}\"; filename*=UTF-8''%E7%A4%BA%E4%BE%8B%E6%96%87%E4%BB%B6.{extension}"
    )
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["etag"] == tag
    for known in (tag, f'W/{tag}, "other"', "*"):
        unchanged = await scene.editor.get(f"{path}/content", headers={"If-None-Match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await scene.editor.get(f"{path}/content", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_refusals_come_in_order(scene: Scene) -> None:
    plan, world = await scene.plan(), scene.world
    expert = await world.person(Role.EXPERT)
    files = {"file": ("a.pdf", PDF, "application/pdf")}
    keyless = await scene.editor.client.post(PATH, data=owner_of(plan), files=files)
    assert keyless.json()["code"] == "idempotency_key_missing"
    assert (await scene.editor.post(PATH, owner_of(plan))).status_code == 415
    nobody = await scene.editor.client.post(
        PATH, data={}, files=files, headers={"Authorization": "", "Idempotency-Key": "k2"}
    )
    assert nobody.status_code == 401
    assert (await upload(expert, plan, colour="green")).json()["code"] == "insufficient_scope"
    # The league's people read plans and upload nothing.
    assert (await upload(scene.office, plan)).json()["code"] == "insufficient_scope"
    invalid = await upload(scene.editor, f"/v1/nonsenses/{uuid4()}", colour="green", sealed_scan="yes")
    assert invalid.status_code == 422
    assert {(item["pointer"], item["code"]) for item in invalid.json()["errors"]} == {
        ("/owner_kind", "invalid_choice"),
        ("/colour", "unknown_field"),
        ("/sealed_scan", "invalid_format"),
    }
    assert (await upload(scene.editor, f"/v1/plans/{uuid4()}", b"nothing")).status_code == 404
    foreign = await world.person((Role.REGION_EDITOR, OTHER))
    hidden = await upload(foreign, plan)
    absent = await upload(foreign, f"/v1/plans/{uuid4()}")
    assert hidden.status_code == absent.status_code == 404
    assert {**hidden.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    approver = await upload(scene.approver, plan, b"nothing")
    assert (approver.status_code, approver.json()["code"]) == (403, "insufficient_scope")
    await done(scene.editor, plan, "submit")
    late = await upload(scene.editor, plan, b"nothing")
    assert (late.status_code, late.json()["reason"]) == (409, "owner_not_editable")


async def test_a_region_of_ones_own_does_not_reach_the_next(scene: Scene) -> None:
    """Somebody of the office who is also editor of another region sees the plan, and adds nothing to it."""
    both = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, OTHER))
    plan = await scene.submitted()
    refused = await upload(both, plan)
    assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")


async def test_what_the_file_is_decides(scene: Scene) -> None:
    plan = await scene.plan()
    unknown = await upload(scene.editor, plan, b"<!doctype html>", name="a.pdf")
    assert (unknown.status_code, unknown.json()["reason"]) == (415, "file_type_refused")
    for name, declared in (("a.png", "application/pdf"), ("a.pdf", "image/png"), ("a.exe", "")):
        refused = await upload(scene.editor, plan, PDF, name=name, declared=declared)
        assert refused.status_code == 422, (name, declared)
        assert refused.json()["errors"][0]["code"] == "type_mismatch"
    unstated = await upload(scene.editor, plan, PNG, name="照片", declared="application/octet-stream")
    assert (unstated.json()["name"], unstated.json()["media_type"]) == ("照片.png", "image/png")
    assert await blobs(scene.world) == 1


async def test_a_sealed_scan_comes_when_the_paper_is_signed(scene: Scene) -> None:
    plan = await scene.plan()
    early = await upload(scene.editor, plan, **SCAN)
    assert (early.status_code, early.json()["reason"]) == (409, "no_signature_due")
    await done(scene.editor, plan, "submit")
    bare = await upload(scene.approver, plan, sealed_scan="true")
    assert {(item["pointer"], item["code"]) for item in bare.json()["errors"]} == {
        ("/document_number", "required"),
        ("/document_date", "required"),
    }
    first = await upload(scene.approver, plan, **SCAN)
    assert first.status_code == 201, first.text
    assert (first.json()["document_number"], first.json()["document_date"]) == ("示例发〔2026〕8号", "2026-03-01")
    assert (await upload(scene.editor, plan, **SCAN)).status_code == 201
    # Not yet sent, so the approver may still take a wrong scan away.
    etag = first.headers["etag"]
    assert (await scene.approver.delete(first.headers["location"], etag=etag)).status_code == 204
    await done(scene.approver, plan, "sign", SIGNATURE)
    after = await upload(scene.approver, plan, **SCAN)
    assert after.json()["released_at"] is not None
    assert (await scene.office.get(after.headers["location"])).status_code == 200
    await done(scene.office, plan, "file")
    assert (await upload(scene.approver, plan, **SCAN)).json()["reason"] == "no_signature_due"


async def test_signing_releases_and_what_was_sent_stays(scene: Scene) -> None:
    plan = await scene.plan()
    path = await uploaded(scene.editor, plan)
    await done(scene.editor, plan, "submit")
    for reader in (scene.office, await scene.world.person(Role.LEAGUE_COMMITTEE)):
        assert (await reader.get(path)).status_code == 404
        assert (await reader.get(f"{path}/content")).status_code == 404
    await done(scene.approver, plan, "sign", SIGNATURE)
    shown = await scene.office.get(path)
    assert shown.json()["released_at"] is not None
    assert shown.json()["allowed_actions"][0]["reason"] == "scope_missing"
    assert (await scene.office.get(f"{path}/content")).content == PDF
    assert [item["id"] for item in (await scene.office.get(_listing(plan))).json()["items"]] == [shown.json()["id"]]
    [(sent,)] = await scene.world.rows(
        "SELECT changes -> 'attachments' FROM audit_entries WHERE action = 'plans.sign' AND resource_id = :id",
        id=UUID(plan.rsplit("/", 1)[1]),
    )
    assert [item["id"] for item in sent] == [shown.json()["id"]]
    await done(scene.office, plan, "return", REMARKS)
    etag = (await scene.editor.get(path)).headers["etag"]
    refused = await scene.editor.delete(path, etag=etag)
    assert (refused.status_code, refused.json()["reason"]) == (409, "attachment_released")
    # A correction comes beside it, and is the region's own until it is sent in turn.
    second = await uploaded(scene.editor, plan, PNG, name="b.png", declared="image/png")
    assert (await scene.office.get(second)).status_code == 404


async def test_taking_away(scene: Scene) -> None:
    plan, world = await scene.plan(), scene.world
    path = await uploaded(scene.editor, plan)
    twin = await uploaded(scene.editor, plan)
    assert await blobs(world) == 1
    etag = (await scene.editor.get(path)).headers["etag"]
    assert (await scene.approver.delete(path, etag=etag)).json()["code"] == "insufficient_scope"
    foreign = await world.person((Role.REGION_EDITOR, OTHER))
    assert (await foreign.delete(path, etag=etag)).status_code == 404
    assert (await scene.editor.delete(path)).status_code == 428
    assert (await scene.editor.delete(path, etag='"2.0123456789abcdef"')).status_code == 412
    await done(scene.editor, plan, "submit")
    assert (await scene.editor.delete(path, etag=etag)).json()["reason"] == "owner_not_editable"
    await done(scene.approver, plan, "send-back", {"reason": "请修改（示例）"})
    assert (await scene.editor.delete(path, etag=etag)).status_code == 204
    assert (await scene.editor.get(path)).status_code == 404
    assert (await scene.editor.delete(path, etag=etag)).status_code == 404
    [(action,)] = await world.rows(
        "SELECT action FROM audit_entries WHERE resource_id = :id AND action <> 'attachments.create'",
        id=path.rsplit("/", 1)[1],
    )
    assert action == "attachments.delete"
    await world.drain()
    assert await blobs(world) == 1
    assert (await scene.editor.get(f"{twin}/content")).content == PDF
    assert (await scene.editor.delete(twin, etag=(await scene.editor.get(twin)).headers["etag"])).status_code == 204
    await world.drain()
    assert await blobs(world) == 0


async def test_lists(scene: Scene) -> None:
    plan = await scene.plan()
    for number in range(5):
        await uploaded(scene.editor, plan, PDF + str(number).encode())
    await uploaded(scene.editor, await scene.plan())
    with scene.world.counting() as few:
        page = (await scene.editor.get(_listing(plan) + "&limit=2&include_total=true")).json()
    with scene.world.counting() as many:
        rest = (await scene.editor.get(_listing(plan) + "&limit=200&include_total=true")).json()
    assert (len(page["items"]), page["total"], len(rest["items"])) == (2, 5, 5)
    assert len(few) == len(many)
    following = await scene.editor.get(_listing(plan) + f"&limit=2&include_total=true&cursor={page['next_cursor']}")
    assert [item["id"] for item in following.json()["items"]] == [item["id"] for item in rest["items"][2:4]]
    assert (await scene.editor.get(_listing(plan) + "&sealed_scan=true")).json()["items"] == []
    assert (await scene.editor.get(_listing(f"/v1/plans/{uuid4()}"))).status_code == 404
    unnamed = await scene.editor.get(PATH)
    assert {item["pointer"] for item in unnamed.json()["errors"]} == {"?owner_kind", "?owner_id"}
    assert (await scene.editor.get(_listing(plan) + "&colour=green")).status_code == 422
    assert (await scene.editor.get(_listing(plan), headers={"Authorization": ""})).status_code == 401


async def test_a_kind_that_one_does_not_read_is_hidden(scene: Scene) -> None:
    """A department reads plans and projects; the files of self-evaluations are not for it, even released ones."""
    department = await scene.world.person((Role.LEAGUE_DEPARTMENT, await scene.world.organisation()))
    attachment = await _released_evaluation_file(scene.world, scene.editor)
    assert (await scene.office.get(f"{PATH}/{attachment}")).status_code == 200
    assert (await department.get(f"{PATH}/{attachment}")).status_code == 404
    assert (await department.get(f"{PATH}/{attachment}/content")).status_code == 404
    listed = await department.get(f"{PATH}?owner_kind=evaluation&owner_id={uuid4()}")
    assert (listed.status_code, listed.json()["reason"]) == (403, "scope_missing")


async def _released_evaluation_file(world: World, editor: Actor) -> UUID:
    attachment = uuid4()
    await world.rows(
        "WITH b AS (INSERT INTO blobs VALUES (:sha, 3, 'application/pdf', 'abc') RETURNING sha256) "
        "INSERT INTO attachments (id, owner_kind, owner_id, region_code, name, media_type, size, sha256, sealed_scan, "
        "uploaded_by, uploaded_at, released_at) SELECT :id, 'evaluation', :owner, :region, 'a.pdf', 'application/pdf', "
        "3, sha256, false, :by, now(), now() FROM b RETURNING id",
        sha="0" * 64,
        id=attachment,
        owner=uuid4(),
        region=REGION,
        by=editor.id,
    )
    return attachment


async def test_at_most_so_many_files(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.attachments.service.MAX_FILES", 2)
    plan = await scene.plan()
    for _ in range(2):
        await uploaded(scene.editor, plan)
    full = await upload(scene.editor, plan)
    assert (full.status_code, full.json()["reason"]) == (409, "too_many_attachments")
