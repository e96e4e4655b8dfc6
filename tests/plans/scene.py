"""A region's plan on its way: the people who may move it, and short words for what they do."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from app.models.identity import Role
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
SIGNATURE = {"document_number": "示例市政发〔2026〕1号", "document_date": "2026-03-01"}
REMARKS: dict[str, Any] = {"note": "请补正（示例）", "remarks": [{"section": "targets", "text": "请写明基数（示例）"}]}

ITEMS: dict[str, dict[str, Any]] = {
    "targets": {"indicator_code": "grassland_cover", "baseline_value": "45.2", "target_value": "45.6"},
    "tasks": {"title": "打草场改良（示例）", "content": "改良二万亩（示例）", "due_on": "2026-10-31"},
    "arrangements": {"name": "有机奶加工（示例）", "content": "车间一座（示例）", "planned_investment": "12000000"},
    "safeguards": {"kind": "funding", "content": "落实专项资金（示例）"},
    "preparers": {"name": "示例编制单位（示例）"},
}


@dataclass
class Scene:
    """Editor and approver of the region, an officer of the league's office."""

    world: World
    editor: Actor
    approver: Actor
    office: Actor
    years: Any = field(default_factory=lambda: count(2026))

    async def plan(self, *, region: str = REGION, editor: Actor | None = None, complete: bool = True) -> str:
        """The path of a new draft, with everything that Art. 3 asks for."""
        author = editor or self.editor
        texts = {"resource_assessment": "草原辽阔（示例）"} if complete else {}
        made = await author.post("/v1/plans", {"region_code": region, "year": next(self.years), **texts})
        assert made.status_code == 201, made.text
        path: str = made.headers["location"]
        if complete:
            for section, body in ITEMS.items():
                added = await author.post(f"{path}/{section}", body)
                assert added.status_code == 201, added.text
        return path

    async def submitted(self, **options: Any) -> str:
        """Signed and sent."""
        path = await self.plan(**options)
        await done(self.editor, path, "submit")
        await done(self.approver, path, "sign", SIGNATURE)
        return path

    async def filed(self) -> str:
        path = await self.submitted()
        await done(self.office, path, "file")
        return path


async def make_scene(world: World) -> Scene:
    return Scene(
        world,
        editor=await world.person((Role.REGION_EDITOR, REGION)),
        approver=await world.person((Role.REGION_APPROVER, REGION)),
        office=await world.person(Role.LEAGUE_OFFICE),
    )


async def done(actor: Actor, path: str, action: str, body: Any = None) -> dict[str, Any]:
    answer = await actor.act(path, action, body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def etag_of(actor: Actor, path: str) -> str:
    shown = await actor.get(path)
    assert shown.status_code == 200, shown.text
    return str(shown.headers["etag"])
