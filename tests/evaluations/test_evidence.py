"""The files of the dossier that is judged: an expert reads them with the frozen copy and loses them with it."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from app.core.db import Entry
from tests.attachments.samples import PDF
from tests.attachments.uploads import uploaded
from tests.evaluations.scene import Year, done, etag_of, make_year, scrubbed
from tests.reviews.scene import NONE, order_recusal
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def seated(year: Year) -> tuple[list[tuple[Actor, str]], str, str]:
    """A drawn panel on a self-evaluation with two files, of which the copy names the first; their ids."""
    path = await year.filled()
    named, other = [await uploaded(year.editor, path, name=f"{name}.pdf") for name in ("佐证", "其他")]
    file = named.rsplit("/", 1)[1]
    [item, *_] = (await year.editor.get(f"{path}/items")).json()["items"]
    place = f"{path}/items/{item['id']}"
    body = {"evidence": [{"label": "监测报告（示例）", "attachment_id": file}]}
    changed = await year.editor.patch(place, body, etag=await etag_of(year.editor, place))
    assert changed.status_code == 200, changed.text
    await year.send(path)
    accepted = await done(year.office, path, "accept")
    appraisal = f"/v1/appraisal-files/{accepted['appraisal_file_id']}"
    await year.seed()
    assert (await year.office.post(f"/v1/panels/{await year.panel(appraisal)}/draw")).status_code == 202
    await year.world.drain()
    return await year.seats(appraisal), file, other.rsplit("/", 1)[1]


def content(seat: str, file: str) -> str:
    return f"{seat}/dossier/attachments/{file}/content"


async def seen_by(year: Year, actor: Actor, statement: str, **values: str) -> int:
    async with year.world.api.state.database.transaction(Entry("person", actor.id)) as session:
        return int(await session.scalar(text(statement), values) or 0)


async def test_it_is_read_once_declared_and_lost_with_the_assignment(year: Year) -> None:
    [(expert, seat), (other, elsewhere), *_], file, unnamed = await seated(year)
    absent = await expert.get(content(seat, str(uuid4())))
    await done(expert, seat, "accept")
    await year.world.renew(expert)
    assert (await expert.get(content(seat, file))).status_code == 404
    await done(expert, seat, "declare-conflict", NONE)
    shown = await expert.get(content(seat, file))
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, PDF, "application/pdf")
    again = await expert.client.get(content(seat, file), headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # What the copy does not name, and the route of the region's own, are not there for a reviewer.
    assert (await expert.get(content(seat, unnamed))).status_code == 404
    assert (await expert.get(f"/v1/attachments/{file}/content")).status_code == 403
    await done(other, elsewhere, "accept")
    await year.world.renew(other)
    hidden, missing = [await other.get(content(elsewhere, one)) for one in (file, str(uuid4()))]
    assert hidden.status_code == 404
    assert scrubbed(hidden) == scrubbed(missing)
    await order_recusal(year.review, year.office, expert)
    assert (await expert.get(content(seat, file))).status_code == 401
    await year.world.renew(expert)
    # Nothing is left to review: the scope is gone, too, and a token of any scope finds what an absent one finds.
    assert (await expert.get(content(seat, file))).status_code == 403
    assert absent.status_code == 403


async def test_in_sql_too(year: Year) -> None:
    """The policy, without the route's own check."""
    [(expert, seat), *_], file, _ = await seated(year)
    count = "SELECT count(*) FROM attachments WHERE id = :id"
    assert await seen_by(year, expert, count, id=file) == 0
    await year.review.opened(expert, seat)
    assert await seen_by(year, expert, count, id=file) == 1
    blobs = "SELECT count(*) FROM blobs"
    assert await seen_by(year, expert, blobs) == 1
    await year.world.wall(expert, "region:152501")
    assert await seen_by(year, expert, count, id=file) == 0
    assert await seen_by(year, expert, blobs) == 0
