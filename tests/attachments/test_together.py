"""At the same time: upload and signature, upload and sweep, download while rights end; keys; who sees what."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import content, repository
from app.models.identity import Role
from tests.attachments.samples import PDF, PNG
from tests.attachments.uploads import blobs, owner_of, upload, uploaded
from tests.plans.scene import OTHER, REGION, SIGNATURE, Scene, done, etag_of, make_scene
from tests.projects.library import complete, drafted
from tests.world import World

ROUNDS = 6


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def test_nothing_slips_in_beside_a_signature(scene: Scene) -> None:
    """Each scan is either sent with the plan, or comes after it and is released by itself."""
    for number in range(ROUNDS):
        plan = await scene.plan()
        await done(scene.editor, plan, "submit")
        etag = await etag_of(scene.approver, plan)
        scan = {"sealed_scan": "true", "document_number": "示例发〔2026〕8号", "document_date": "2026-03-01"}
        signed, *scans = await asyncio.gather(
            scene.approver.post(f"{plan}/sign", SIGNATURE, etag=etag),
            *(upload(scene.editor, plan, PDF + bytes([number, each]), **scan) for each in range(3)),
        )
        assert signed.status_code == 200, signed.text
        assert {answer.status_code for answer in scans} == {201}
    [(unreleased,)] = await scene.world.rows("SELECT count(*) FROM attachments WHERE released_at IS NULL")
    assert unreleased == 0


async def test_nothing_is_added_to_what_is_submitted(scene: Scene) -> None:
    for number in range(ROUNDS):
        plan = await scene.plan()
        etag = await etag_of(scene.editor, plan)
        submitted, *files = await asyncio.gather(
            scene.editor.post(f"{plan}/submit", etag=etag),
            *(upload(scene.editor, plan, PDF + bytes([number, each])) for each in range(2)),
        )
        assert submitted.status_code == 200
        for answer in files:
            assert answer.status_code == 201 or answer.json()["reason"] == "owner_not_editable"


async def test_the_same_bytes_uploaded_and_swept_at_once(scene: Scene) -> None:
    plan, world = await scene.plan(), scene.world
    for _ in range(ROUNDS):
        first = await uploaded(scene.editor, plan, PNG, name="a.png", declared="image/png")
        assert (await scene.editor.delete(first, etag=await etag_of(scene.editor, first))).status_code == 204
        again, _ = await asyncio.gather(
            upload(scene.editor, plan, PNG, name="a.png", declared="image/png"), world.drain()
        )
        assert again.status_code == 201, again.text
        path = again.headers["location"]
        assert (await scene.editor.get(f"{path}/content")).content == PNG
        assert (await scene.editor.delete(path, etag=await etag_of(scene.editor, path))).status_code == 204
    await world.drain()
    assert await blobs(world) == 0


async def test_known_bytes_are_answered_like_new_ones(scene: Scene) -> None:
    """Another region cannot tell by its answer that somebody has this very file."""
    stranger = await scene.world.person((Role.REGION_EDITOR, OTHER))
    own = await scene.plan(region=OTHER, editor=stranger)
    new = await upload(stranger, own, PDF + b"new")
    await uploaded(scene.editor, await scene.plan(), PDF)
    known = await upload(stranger, own, PDF)
    told = {"id", "sha256", "size"}
    assert {k: v for k, v in new.json().items() if k not in told} == {
        k: v for k, v in known.json().items() if k not in told
    }
    ignored = {"etag", "location", "x-request-id", "content-length"}
    assert {k: v for k, v in new.headers.items() if k not in ignored} == {
        k: v for k, v in known.headers.items() if k not in ignored
    }
    assert await blobs(scene.world) == 2


async def test_a_key_is_used_once_whatever_the_boundary(scene: Scene) -> None:
    plan = await scene.plan()
    first = await upload(scene.editor, plan, key="once")
    again = await upload(scene.editor, plan, key="once")
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    for other in (
        await upload(scene.editor, plan, PDF + b"\n", key="once"),
        await upload(scene.editor, plan, key="once", name="b.pdf"),
        await upload(scene.editor, plan, key="once", document_number="示例"),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    many = await asyncio.gather(*(upload(scene.editor, plan, PDF + b"x", key="together") for _ in range(4)))
    assert {answer.status_code for answer in many} <= {201, 409}
    assert len({answer.json()["id"] for answer in many if answer.status_code == 201}) == 1
    [(count,)] = await scene.world.rows("SELECT count(*) FROM attachments")
    assert count == 2


async def test_many_uploads_wait_for_one_another(scene: Scene) -> None:
    plan = await scene.plan()
    answers = await asyncio.gather(*(upload(scene.editor, plan, PDF + bytes([n])) for n in range(15)))
    assert {answer.status_code for answer in answers} == {201}


async def test_a_download_ends_when_rights_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await uploaded(scene.editor, await scene.plan(), PDF)
    monkeypatch.setattr(content, "PAGE_BYTES", 10)
    assert (await scene.editor.get(f"{path}/content")).content == PDF
    pages, read = 0, repository.page

    async def page(session: AsyncSession, *arguments: Any) -> bytes | None:
        nonlocal pages
        pages += 1
        got = await read(session, *arguments)
        if pages == 3:
            # It waits for the end of this page's transaction, and the next page's waits for it.
            ending.append(asyncio.create_task(scene.world.wall(scene.editor, "region:152502")))
            await asyncio.sleep(0.2)
        return got

    ending: list[asyncio.Task[None]] = []
    monkeypatch.setattr(repository, "page", page)
    cut = await scene.editor.get(f"{path}/content")
    await asyncio.gather(*ending)
    assert len(cut.content) == 30 < int(cut.headers["content-length"]) == len(PDF)
    monkeypatch.setattr(repository, "page", read)
    assert (await scene.editor.get(f"{path}/content")).content == PDF


async def test_a_projects_files_are_seen_with_the_project(scene: Scene) -> None:
    world, entity = scene.world, await scene.world.organisation()
    project = await drafted(scene.editor, await complete(world, REGION, organisation_id=entity))
    path = await uploaded(scene.editor, project)
    builder = await world.person((Role.CONSTRUCTION_ENTITY, entity))
    other = await world.person((Role.CONSTRUCTION_ENTITY, await world.organisation()))
    mining = await world.person((Role.LEAGUE_DEPARTMENT, await world.organisation(charge_modes=["ecological_finance"])))
    farming = await world.person(
        (Role.LEAGUE_DEPARTMENT, await world.organisation(charge_modes=["ecological_agriculture"]))
    )
    for reader in (scene.office, builder, farming):
        assert (await reader.get(path)).status_code == 404
    await done(scene.editor, project, "propose")
    late = await uploaded(scene.editor, project, PNG, name="a.png", declared="image/png")
    for reader in (scene.office, builder, farming):
        for seen in (path, late):
            assert (await reader.get(f"{seen}/content")).status_code == 200
    for reader in (other, mining, await world.person((Role.REGION_EDITOR, OTHER))):
        assert (await reader.get(path)).status_code == 404
    [(subject,)] = await world.rows(
        "SELECT project_id FROM attachments WHERE id = :id", id=UUID(path.rsplit("/", 1)[1])
    )
    assert str(subject) == owner_of(project)["owner_id"]
