"""Broken and hostile bodies: a clear 4xx, nothing stored, never a 500."""

import random
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
from httpx import Response

from app.attachments.files import MAX_BYTES
from app.models.identity import Role
from tests.attachments.samples import PDF
from tests.attachments.uploads import PATH, blobs, owner_of, raw, upload
from tests.ground import MAX_BODY_BYTES
from tests.plans.scene import Scene, make_scene
from tests.world import World

FORM = "multipart/form-data; boundary=b"


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


def part(name: str, value: bytes | str, *, more: str = "") -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def file_part(content: bytes = PDF, name: str = "a.pdf") -> bytes:
    return part("file", content, more=f'; filename="{name}"')


END = b"--b--\r\n"


def form(owner: str, *more: bytes, file: bytes | None = None) -> bytes:
    fields = b"".join(part(name, value) for name, value in owner_of(owner).items())
    return fields + (file_part() if file is None else file) + b"".join(more) + END


def codes(answer: Response) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return {(item["pointer"], item["code"]) for item in answer.json()["errors"]}


async def test_a_body_by_hand_is_taken(scene: Scene) -> None:
    plan = await scene.plan()
    assert (await raw(scene.editor, form(plan), FORM)).status_code == 201
    assert (await raw(scene.editor, form(plan), 'Multipart/Form-Data; charset=utf-7; boundary="b"')).status_code == 201
    before_and_after = b"preamble\r\n" + form(plan) + b"epilogue"
    assert (await raw(scene.editor, before_and_after, FORM)).status_code < 500


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=other",
        "multipart/form-data; xboundary=b",
        f"multipart/form-data; boundary={'b' * 300}",
        "multipart/form-data; boundary=\xff",
    ],
)
async def test_the_boundary_is_wrong(scene: Scene, content_type: str) -> None:
    answer = await scene.editor.client.post(
        PATH,
        content=form(await scene.plan()),
        headers=[(b"Idempotency-Key", uuid4().hex.encode()), (b"Content-Type", content_type.encode("latin-1"))],
    )
    assert codes(answer) == {("", "malformed_multipart")}


BROKEN: dict[str, Callable[[str], bytes]] = {
    "empty": lambda _: b"",
    "not multipart": lambda _: b'{"file": 1}',
    "no end": lambda plan: form(plan).removesuffix(END),
    "cut in the file": lambda plan: form(plan)[:-20],
    "cut in a header": lambda plan: form(plan)[:30],
    "no name": lambda plan: form(plan, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n"),
    "no disposition": lambda plan: form(plan, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"),
    "no headers": lambda plan: form(plan, b"--b\r\n\r\nx\r\n"),
    "two files": lambda plan: form(plan, file_part(name="b.pdf")),
    "thousands of fields": lambda plan: form(plan, *(part(f"field{n}", "x") for n in range(5_000))),
    "a field of a megabyte": lambda plan: form(plan, part("document_number", "x" * 1_000_000)),
    "a header of a megabyte": lambda plan: form(plan, part("x" * 1_000_000, "x")),
    "hundreds of headers": lambda plan: form(plan, b"--b\r\n" + b"X-A: b\r\n" * 500 + b"\r\nx\r\n"),
    "a header without a colon": lambda plan: form(plan, b"--b\r\nnonsense\r\n\r\nx\r\n"),
    "NUL in a header": lambda plan: form(plan, b"--b\r\nContent-\0Disposition: form-data; name=x\r\n\r\nx\r\n"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_broken(scene: Scene, what: str) -> None:
    answer = await raw(scene.editor, BROKEN[what](await scene.plan()), FORM)
    assert codes(answer) == {("", "malformed_multipart")}
    assert await blobs(scene.world) == 0


async def test_parts_that_cannot_be_accepted(scene: Scene) -> None:
    plan = await scene.plan()

    async def faults(body: bytes) -> set[tuple[str, str]]:
        return codes(await raw(scene.editor, body, FORM))

    assert await faults(form(plan, file=b"")) == {("/file", "required")}
    assert await faults(form(plan, file=file_part(b""))) == {("/file", "empty_file")}
    assert await faults(form(plan, file=part("file", PDF.decode()))) == {("/file", "wrong_type")}
    assert await faults(form(plan, file=part("picture", PDF, more='; filename="a.pdf"'))) == {
        ("/picture", "unknown_field"),
        ("/file", "required"),
    }
    assert await faults(form(plan, part("owner_id", str(uuid4())))) == {("/owner_id", "duplicate")}
    assert await faults(form(plan, part("a/b~", "x"))) == {("/a~1b~0", "unknown_field")}
    assert await faults(form(plan, part("document_number", "a\0b"))) == {("/document_number", "invalid_format")}
    assert await faults(form(plan, part("document_number", "长" * 201))) == {("/document_number", "too_long")}
    assert await faults(form(plan, part("document_date", "2026-3-1"))) == {("/document_date", "invalid_format")}
    assert await faults(form(plan, part("\0", "x"))) == {("/\0", "unknown_field")}
    # Read as UTF-7 this name would hold half a character.
    surrogate = await raw(scene.editor, form(plan, part("+2AA-", "x")), f"{FORM}; charset=utf-7")
    assert codes(surrogate) == {("/+2AA-", "unknown_field")}
    assert await blobs(scene.world) == 0


async def test_names_that_were_meant_to_escape(scene: Scene) -> None:
    plan = await scene.plan()
    for sent, kept in (
        ("../../../etc/cron.d/x.pdf", "x.pdf"),
        ("C:\\\\Windows\\\\x.pdf", "x.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        ("\xe2\x80\xaefdp.pdf", "fdp.pdf"),
    ):
        body = form(plan, file=file_part().replace(b"a.pdf", sent.encode("latin-1")))
        answer = await raw(scene.editor, body, FORM)
        if answer.status_code == 201:
            assert answer.json()["name"] == kept
        else:
            assert codes(answer) == {("", "malformed_multipart")}
    quoted = await upload(scene.editor, plan, name='a"; drop="b.pdf')
    download = await scene.editor.get(f"{quoted.headers['location']}/content")
    assert download.headers["content-disposition"].count('"') == 2


async def test_other_media_types_are_refused_before_the_caller(scene: Scene) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b", ""):
        answer = await scene.editor.client.post(
            PATH, content=b"x", headers={"Idempotency-Key": "k", "Content-Type": content_type, "Authorization": ""}
        )
        assert answer.status_code == 415, content_type
        assert answer.headers["accept"] == "multipart/form-data"


async def test_the_limit_is_twenty_megabytes_here_and_stays_what_it_is_elsewhere(scene: Scene) -> None:
    plan = await scene.plan()
    whole = PDF + b"\0" * (MAX_BYTES - len(PDF))
    taken = await upload(scene.editor, plan, whole)
    assert (taken.status_code, taken.json()["size"]) == (201, MAX_BYTES), taken.text
    download = await scene.editor.get(f"{taken.headers['location']}/content")
    assert download.content == whole
    more = await upload(scene.editor, plan, whole + b"\0")
    assert (more.status_code, more.json()["reason"]) == (413, "file_too_large")
    stated = await raw(scene.editor, b"", FORM, **{"Content-Length": str(MAX_BYTES + 100_000)})
    assert stated.status_code == 413
    for path in ("/v1/organisations", f"{PATH}/x", f"{PATH}/"):
        answer = await scene.editor.client.post(
            path,
            content=b"x" * (MAX_BODY_BYTES + 1),
            headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
        )
        assert answer.status_code == 413, path


async def test_a_body_that_does_not_say_its_size_is_counted(scene: Scene) -> None:
    plan = await scene.plan()
    sent = 0

    async def stream(megabytes: int) -> AsyncIterator[bytes]:
        nonlocal sent
        yield form(plan).removesuffix(b"\r\n" + END)
        for _ in range(megabytes):
            sent += 1
            yield b"\0" * 1_000_000
        yield b"\r\n" + END

    async def send(megabytes: int, key: str) -> Response:
        return await scene.editor.client.post(
            PATH, content=stream(megabytes), headers={"Idempotency-Key": key, "Content-Type": FORM}
        )

    first, again = await send(2, "streamed"), await send(2, "streamed")
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json() == first.json()
    sent = 0
    assert (await send(200, "endless")).status_code == 413
    assert sent < 25


async def test_nothing_is_read_of_a_body_whose_sender_may_upload_nothing(scene: Scene) -> None:
    plan, read = await scene.plan(), 0
    expert = await scene.world.person(Role.EXPERT)

    async def stream() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(10):
            read += 1
            yield b"\0" * 1_000_000

    for token, status in ((f"Bearer {expert.token}", 403), ("Bearer nonsense", 401)):
        headers = {"Idempotency-Key": plan, "Content-Type": FORM, "Authorization": token}
        answer = await expert.client.post(PATH, content=stream(), headers=headers)
        assert answer.status_code == status
    assert read == 0


async def test_no_body_at_random_is_a_server_error(scene: Scene) -> None:
    plan = await scene.plan()
    chance = random.Random(20260302)  # noqa: S311 - the same bodies each time
    seen = set()
    for _ in range(300):
        body = bytearray(form(plan, part("document_number", "示例发〔2026〕8号")))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    del body[at : at + chance.randint(1, 40)]
                case 2:
                    body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 20)))
                case _:
                    body[at:at] = chance.choice([b"\r\n", b"--b", b"--b--", b"\0", b'"', b";", b"\r\n\r\n", b"\xff"])
        answer = await raw(scene.editor, bytes(body), FORM)
        seen.add(answer.status_code)
        assert answer.status_code < 500, (bytes(body), answer.text)
    assert {201, 422} <= seen
