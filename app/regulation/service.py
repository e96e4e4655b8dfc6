"""The regulation's data joined with what the API says of itself."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from app.regulation import rules
from app.regulation.schemas import ArticleOut, ArticleSummary, CarrierOut, RegulationOut, VersionInForce


@cache
def data() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((files("app.regulation") / "data" / "regulation.json").read_text("utf-8"))
    return read


def whole(document: Mapping[str, Any]) -> RegulationOut:
    carriers = rules.carriers(document)
    articles = [_summary(entry, carriers, document) for entry in data()["articles"]]
    return RegulationOut(version=_version(), articles=articles)


def article(document: Mapping[str, Any], number: int) -> ArticleOut:
    carriers = rules.carriers(document)
    entry = data()["articles"][number - 1]
    return ArticleOut(
        version=_version(),
        article=_summary(entry, carriers, document),
        carried_by=[CarrierOut.model_validate(carrier) for carrier in carriers.get(number, ())],
    )


def _version() -> VersionInForce:
    return VersionInForce.model_validate(data()["version"])


def _summary(
    entry: Mapping[str, Any], carriers: Mapping[int, list[rules.Carrier]], document: Mapping[str, Any]
) -> ArticleSummary:
    routes = len(carriers.get(entry["number"], ()))
    missing = rules.still_missing(entry["not_built"], document["paths"])
    return ArticleSummary.model_validate(
        {**entry, "not_built": missing, "routes": routes, "status": rules.status(routes, len(missing))}
    )
