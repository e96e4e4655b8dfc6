"""Who looks at the worlds, and which worlds must look the same to them."""

from dataclasses import dataclass

from tests.worlds.cast import WALLED, S, T

BEFORE = ("reviewing", "before")
ALL_WORLDS = ("W0", "WJ", "WV", "WP")


@dataclass(frozen=True, slots=True)
class Observer:
    """`key`: of the cast, or `public`. `equal`: by checkpoint, the worlds that must answer alike."""

    key: str
    equal: dict[str, tuple[str, ...]]
    walled: bool = False


Equal = dict[str, tuple[str, ...]]
_WALLED: Equal = dict.fromkeys((*BEFORE, "published"), ("W0", "WJ", "WV"))
_OWN: Equal = {**dict.fromkeys(BEFORE, ("W0", "WV", "WP")), "published": ("W0", "WP")}
_OTHERS: Equal = {**dict.fromkeys(BEFORE, ALL_WORLDS), "published": ("W0", "WP")}
_ADMINISTRATORS: Equal = dict.fromkeys((*BEFORE, "published"), ALL_WORLDS)

OBSERVERS: tuple[Observer, ...] = (
    *(Observer(key, _WALLED, walled=True) for key in WALLED),
    *(Observer(key, _OWN) for key in (f"editor.{S}", f"approver.{S}", "insider")),
    *(
        Observer(key, _OTHERS)
        for key in (
            f"editor.{T}",
            f"approver.{T}",
            "idle",
            "colleague",
            "department",
            "entity",
            "machine",
            "public",
        )
    ),
    *(Observer(key, _ADMINISTRATORS) for key in ("sysadmin", "secadmin")),
)
# Not walled: must see W0 and WJ differ.
CONTROL = "office"
