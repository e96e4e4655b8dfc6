"""The language of an answer: negotiated once at the edge, the same for refusals and for words inside resources."""

from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("language", default="zh")


def negotiate(accept_language: str) -> str:
    """`en` or `zh`: the better of the two by Accept-Language, Chinese where nothing is said. It holds for what this
    request says from here on."""
    best, weight = "zh", 0.0
    for part in accept_language[:200].split(","):
        tag, _, parameter = part.strip().partition(";")
        name = tag.split("-")[0].lower()
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if name in {"zh", "en"} and quality > weight:
            best, weight = name, quality
    _current.set(best)
    return best


def current() -> str:
    """The language of the request that is being answered."""
    return _current.get()


def say(zh: str, en: str) -> str:
    return en if current() == "en" else zh
