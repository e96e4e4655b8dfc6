"""Each story runs twice: as the product stands, and (`make wall`) once for each removal, when it must fail."""

from collections.abc import Generator

import pytest

from tests.declarations.scene import Scene, make_scene
from tests.evaluations.scene import Year, make_year
from tests.scenarios.attack import Attack, Removal, Site
from tests.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    told: Attack | None = getattr(metafunc.function, "attack", None)
    if told is None:
        return
    out = [
        pytest.param(removal, id=f"taken out {number}", marks=pytest.mark.wall)
        for number, removal in enumerate(told.without, start=1)
    ]
    metafunc.parametrize("defence", [pytest.param(None, id="stands"), *out], indirect=True)


@pytest.fixture(autouse=True)
def defence(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Removal | None:
    """Takes the fix out, before anything is set up."""
    removal: Removal | None = getattr(request, "param", None)
    if removal is not None:
        settings, api = (request.getfixturevalue(name) for name in ("settings", "shared_api"))
        removal.apply(Site(settings, api, monkeypatch))
    return removal


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Without its fix the story must fail, at one of its own assertions."""
    if pyfuncitem.funcargs.get("defence") is None:
        return (yield)
    try:
        yield
    except AssertionError as failure:
        trace = failure.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        # Scenes assert that what they set up was answered well: a removal that breaks that proves nothing.
        if trace is None or trace.tb_frame.f_code.co_name != pyfuncitem.originalname:
            raise
        pyfuncitem.add_report_section("call", "fell", f"line {trace.tb_lineno}: {str(failure)[:200]}")
        return True
    pytest.fail("the attack does not succeed without this fix: the story does not test it")


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)
