import pytest

from tests.declarations.scene import Scene, make_scene
from tests.world import World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)
