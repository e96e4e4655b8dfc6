"""The docs page opens without internet, under a strict content policy."""

import re

from httpx import AsyncClient


async def test_the_page_and_all_it_needs_come_from_here(http: AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    places = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(places) >= 4
    for place in places:
        assert place.startswith("/docs/"), place
        asset = await http.get(place)
        assert asset.status_code == 200, place
        assert asset.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "/openapi.json" in (await http.get("/docs/init.js")).text


async def test_nothing_else_is_served_from_there(http: AsyncClient) -> None:
    for name in ("nothing.js", "..%2f..%2fpyproject.toml", "%2e%2e", "swagger-ui.css.map", "%00"):
        answer = await http.get(f"/docs/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), name
