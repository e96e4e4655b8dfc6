import os, time, resource, statistics, asyncio
from tests.attachments.uploads import upload
from tests.attachments.samples import PDF
from tests.plans.scene import make_scene
async def test_x(world):
    s = await make_scene(world); plan = await s.plan()
    for size in (10_000, 1_000_000, 10_000_000, 20_000_000):
        new, known = [], []
        n = 10 if size>5e6 else 20
        for i in range(n):
            b = PDF + os.urandom(size)
            t=time.perf_counter(); r=await upload(s.editor, plan, b); new.append(time.perf_counter()-t); assert r.status_code==201, r.text
            t=time.perf_counter(); r=await upload(s.editor, plan, b); known.append(time.perf_counter()-t)
            await world.rows("DELETE FROM attachments RETURNING id")
        print(size, "new", round(statistics.median(new)*1000,1), "known", round(statistics.median(known)*1000,1))
    print("rss MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)
    b=[PDF+os.urandom(20_000_000) for _ in range(12)]
    print("rss MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)
    r=await asyncio.gather(*(upload(s.editor, plan, x) for x in b)); print([x.status_code for x in r])
    print("rss MB after 12x20 in parallel (incl client)", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)
