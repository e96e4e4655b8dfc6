import asyncio
import asyncpg
from httpx import AsyncClient
from tests.world import World
from app.models.identity import Role
from sqlalchemy import text
from app.core.db import PUBLIC

async def test_attack(world: World, http: AsyncClient, settings, api) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    r = await editor.post("/v1/organisations", {})
    print(r.status_code, await world.rows("select action from audit_entries where outcome='denied'"))
    @api.get("/boom")
    async def boom() -> None:
        raise RuntimeError("secret text")
    r = await http.get("/boom"); print(r.status_code, r.headers, r.text)
    r = await http.get("/v1/regions", headers={"content-length": "9"*5000}); print(r.status_code, r.text[:200])
    long = "中" * 200
    for i in range(3):
        r = await office.post("/v1/organisations", {"name": long, "kind": "enterprise", "no_code_reason": "x", "region_code": "152501"})
        assert r.status_code == 201, r.text
    r = await office.get("/v1/organisations?limit=1"); print(r.status_code, r.text[-200:])
    r = await office.get("/v1/regions/%00"); print(r.status_code, r.text[-300:])
    r = await office.get("/v1/regions?limit=1&limit=2"); print(r.status_code, r.text[-100:])
    r = await office.get("/healthz?x=1"); print(r.status_code)
    for body in [b'{"name": 1e400}', b'{"name": NaN}', b'{"name":"\\ud800"}', b'{"name":"a\\u0000b"}', b'['*100000, b'{"a":1,"a":2}', b'{"name":'+b'9'*5000+b'}', b'\xff', '{"name":"x"}'.encode('utf-16'), b'{"charge_modes":["\\u0000"],"name":"a","kind":"enterprise","region_code":"152501","no_code_reason":"x"}',
     b'{"charge_modes":["\\ud800"]}', b'{"name":'+b'['*900+b']'*900+b'}', b'', b'null', b'[]', b'"x"', b'{"name":"a","kind":"enterprise","region_code":"999999","no_code_reason":"x"}']:
        r = await office.client.post("/v1/organisations", content=body, headers={"content-type": "application/json", "idempotency-key": "k"+str(hash(body))})
        print(body[:30], r.status_code, r.text[-260:])
    # body on GET / no-body
    r = await http.request("DELETE", "/v1/organisations"); print(r.status_code, r.headers.get("allow"), r.text)
    r = await http.request("HEAD", "/healthz"); print(r.status_code, r.headers)
    # pool exhaustion
    db = api.state.database
    db.engine.pool._timeout = 0.5
    async def hold(e):
        async with db.transaction(PUBLIC):
            await e.wait()
    e = asyncio.Event()
    ts = [asyncio.create_task(hold(e)) for _ in range(8)]
    await asyncio.sleep(0.5)
    r = await office.get("/v1/regions"); print("pool", r.status_code, r.text[:300])
    e.set(); await asyncio.gather(*ts)
    r = await office.get("/v1/regions"); print("after", r.status_code)
    # kill backends in pool
    c = await asyncpg.connect(settings.admin_url.replace("+asyncpg",""))
    await c.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename='liangshan_app'")
    for _ in range(4):
        r = await office.get("/v1/regions"); print("killed", r.status_code)
    name = settings.app_url.rsplit("/",1)[1].split("?")[0]
    await c.execute(f'alter database "{name}" with allow_connections false')
    await c.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename='liangshan_app'")
    for _ in range(2):
        r = await office.get("/v1/regions"); print("noconn", r.status_code, r.text[:200])
    await c.execute(f'alter database "{name}" with allow_connections true')
    r = await office.get("/v1/regions"); print("back", r.status_code)
    await c.close()
