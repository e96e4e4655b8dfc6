"""The 48 attacks are all there, each once, under its number, with at least one fix that it tests."""

import re
from importlib import import_module
from pathlib import Path
from types import FunctionType

from tests.scenarios.attack import Attack


def _stories() -> dict[str, Attack | None]:
    """Every test of the package but this one's, with what it says it is."""
    found: dict[str, Attack | None] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.scenarios.{path.stem}")
        if module.__name__ == __name__:
            continue
        for name, story in vars(module).items():
            if isinstance(story, FunctionType) and name.startswith("test_") and story.__module__ == module.__name__:
                assert name not in found, name
                found[name] = getattr(story, "attack", None)
    return found


def test_every_attack_is_tried_once() -> None:
    stories = _stories()
    assert sorted(told.number for told in stories.values() if told) == list(range(1, 49))
    for name, told in stories.items():
        assert told is not None, name
        assert re.match(rf"test_{told.number:02}_[a-z]", name), name
        assert told.without, name
