import json
from tests.world import World
from tests.plans.scene import *

async def test_smoke(world: World) -> None:
    s = await make_scene(world)
    path = await s.filed()
    for a in (s.editor, s.office):
        for sub in ("", "/targets","/arrangements","/versions","/versions/1","/filings"):
            r = await a.get(path+sub)
            print(sub, r.status_code, json.dumps(r.json(), ensure_ascii=False, indent=1))
    r = await s.office.get("/v1/plans?include_total=true&limit=1"); print(r.status_code, r.text)
    r = await s.office.get(path+"/versions/1/comparison?with=1"); print(r.status_code, r.text)
    assert 0
