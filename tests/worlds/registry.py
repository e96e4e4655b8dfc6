"""What stands for a parameter: the one place to add to when a new route brings a parameter of its own.

A path's parameters are filled from the worlds by its template (`COLLECTIONS`), a query's or body's by name (`VALUES`).
"""

from dataclasses import dataclass

from tests.worlds.cast import S, T

ABSENT = "00000000-0000-4000-8000-000000000000"
PER_SIDE = 2


@dataclass(frozen=True, slots=True)
class Collection:
    """`rows`: SQL for the identifiers, in the order of the path, and `of_s`. `hidden`: rows of S are judgement or
    conflict, so that who is walled must not tell them from absent ones. `absent`: what is no such identifier.
    """

    rows: str
    hidden: bool = False
    absent: str = ABSENT


def _of(table: str, columns: str = "id", *, region: str = "region_code", hidden: bool = False) -> Collection:
    return Collection(f"SELECT {columns}, {region} = '{S}' AS of_s FROM {table}", hidden)


def _plain(table: str, columns: str = "id") -> Collection:
    return Collection(f"SELECT {columns}, false AS of_s FROM {table}")


_PLANS = {
    f"/v1/plans/{{}}/{section}/{{}}": _of(f"plan_{section}", "plan_id, id")
    for section in ("targets", "tasks", "arrangements", "safeguards", "preparers")
}
COLLECTIONS: dict[str, Collection] = {
    "/v1/appraisal-files/{}": _of("appraisal_files", hidden=True),
    "/v1/assignments/{}": _of("assignments", hidden=True),
    "/v1/assignments/{}/dossier/attachments/{}": Collection(
        f"SELECT a.id, b.id, a.region_code = '{S}' AS of_s FROM assignments AS a, attachments AS b "
        "WHERE a.region_code = b.region_code",
        hidden=True,
    ),
    "/v1/attachments/{}": _of("attachments"),
    "/v1/case-files/{}": _of("case_files", hidden=True),
    "/v1/case-rounds/{}": _plain("case_rounds"),
    "/v1/cases/{}": _of("cases"),
    "/v1/clients/{}": _plain("clients"),
    "/v1/clients/{}/secrets/{}": _plain("client_secrets", "client_id, id"),
    "/v1/commitment-texts/{}": Collection("SELECT version, false AS of_s FROM commitment_texts", absent="99"),
    "/v1/commitments/{}": _plain("commitments"),
    # Those for an assignment on S, that of `w_late` among them: its own, and nobody else's.
    "/v1/declarations/{}": Collection(
        f"SELECT d.id, coalesce(a.region_code = '{S}' AND p.name = '示例人员w_late', false) AS of_s "
        "FROM declarations AS d JOIN people AS p ON p.id = d.person_id LEFT JOIN assignments AS a "
        "ON a.id = d.assignment_id",
        hidden=True,
    ),
    "/v1/evaluation-cycles/{}": _plain("evaluation_cycles"),
    "/v1/evaluation-schemes/{}": _plain("evaluation_schemes"),
    "/v1/evaluations/{}": _of("evaluations"),
    "/v1/evaluations/{}/items/{}": _of("evaluation_items", "evaluation_id, id"),
    "/v1/experts/{}": _plain("experts", "person_id"),
    "/v1/imports/{}": _plain("import_runs"),
    "/v1/me/recusals/{}": _of("recusals"),
    "/v1/organisations/{}": _of("organisations"),
    "/v1/panels/{}": _of("panels", hidden=True),
    "/v1/people/{}": _plain("people"),
    "/v1/people/{}/employments/{}": _plain("employments", "person_id, id"),
    "/v1/people/{}/grants/{}": _plain("grants", "person_id, id"),
    "/v1/plans/{}": _of("plans"),
    "/v1/plans/{}/versions/{}": Collection(
        f"SELECT plan_id, number, region_code = '{S}' AS of_s FROM plan_versions", absent="99"
    ),
    **_PLANS,
    "/v1/practice-areas/{}": _of("practice_areas"),
    "/v1/project-matches/{}": _of("project_matches"),
    "/v1/projects/{}": _of("projects"),
    "/v1/publications/{}": _plain("publications"),
    "/v1/recusal-escalations/{}": _of("recusals", hidden=True),
    "/v1/recusals/{}": _of("recusals", hidden=True),
    "/v1/regions/{}": Collection("SELECT code, code = '152501' AS of_s FROM regions", absent="152599"),
    "/v1/regulation/{}": Collection("SELECT 11 AS article, false AS of_s", absent="17"),
    "/v1/reporting-tasks/{}": _plain("reporting_tasks"),
    "/v1/webhooks/{}": _plain("webhooks"),
    "/v1/webhooks/{}/deliveries/{}": _plain("webhook_deliveries", "webhook_id, id"),
}

# By the name of a query's parameter or a body's member: SQL for its values, those of S first.
_FIRST = f"ORDER BY region_code <> '{S}', id LIMIT 3"
VALUES: dict[str, str] = {
    "action": "SELECT unnest(ARRAY['appraisal_files.appraise', 'panels.draw', 'recusals.start', 'assignments.accept'])",
    "actor_id": "SELECT id FROM people ORDER BY name LIMIT 2",
    "article": "SELECT 11",
    "assessment_year": "SELECT unnest(ARRAY[2025, 2024])",
    "assignment_id": f"SELECT id FROM assignments {_FIRST}",
    "case_id": f"SELECT id FROM cases {_FIRST}",
    "code": f"SELECT '{S}'",
    "credit_code": "SELECT '91110000600037341L'",
    "cycle_id": "SELECT id FROM evaluation_cycles",
    "document_number": "SELECT '示例发〔2026〕8号'",
    "import_run_id": "SELECT id FROM import_runs LIMIT 1",
    "indicator_code": "SELECT 'grassland_cover'",
    "item_id": f"SELECT id FROM evaluation_items {_FIRST}",
    "kept_project_id": f"SELECT id FROM projects {_FIRST}",
    "mode": "SELECT 'ecological_agriculture'",
    "mode_code": "SELECT 'ecological_tourism'",
    "organisation_id": "SELECT id FROM organisations ORDER BY region_code LIMIT 2",
    "owner_id": f"SELECT id FROM plans {_FIRST}",
    "panel_id": f"SELECT id FROM panels {_FIRST}",
    "person_id": "SELECT id FROM people WHERE name IN ('示例人员expert1', '示例人员w_late', '示例人员w_officer')",
    "project_id": f"SELECT id FROM projects {_FIRST}",
    "recusal_id": f"SELECT id FROM recusals ORDER BY region_code IS DISTINCT FROM '{S}', id LIMIT 3",
    "region_code": f"SELECT unnest(ARRAY['{S}', '{T}', '152599'])",
    "resource_id": "SELECT id FROM (SELECT id, region_code FROM appraisal_files "
    f"UNION SELECT id, region_code FROM assignments) AS judged {_FIRST}",
    "round_id": "SELECT id FROM case_rounds",
    "scheme_id": "SELECT id FROM evaluation_schemes",
    "since": "SELECT '2026-03-02T04:00:00Z'",
    "source_system": "SELECT 'province-projects'",
    "until": "SELECT '2026-03-02T03:00:00Z'",
    "webhook_id": "SELECT id FROM webhooks",
    "updated_since": "SELECT '2026-03-02T03:00:00Z'",
    "with": "SELECT 1",
    "year": "SELECT unnest(ARRAY[2026, 2025])",
}

# What the document's example cannot stand for in the worlds.
BODIES: dict[str, dict[str, object]] = {}
# Parameters that every list has, asked in ways of their own (`asking`).
OF_LISTS = frozenset({"limit", "cursor", "include_total"})
