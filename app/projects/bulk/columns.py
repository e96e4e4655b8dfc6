"""What a pushed row may state, column by column, as the set-based statements of a push spell it (pure).

`content` says the same for one project at a time; a test holds the two against each other.
"""

from dataclasses import dataclass

from app.projects.content import BENEFITS


@dataclass(frozen=True, slots=True)
class Column:
    """`sql`: its type while staged. `member`: the public member that it belongs to. `bit`: its place in `stated`."""

    name: str
    sql: str
    member: str
    bit: int

    @property
    def mask(self) -> int:
        return 1 << self.bit


_STATED = (
    ("name", "text", "name"),
    ("national_code", "text", "national_code"),
    ("construction_content", "text", "construction_content"),
    ("primary_mode", "text", "primary_mode"),
    ("secondary_modes", "text[]", "secondary_modes"),
    ("axis", "text", "axis"),
    ("building_stage", "text", "building_stage"),
    ("starts_on", "date", "starts_on"),
    ("ends_on", "date", "ends_on"),
    ("expected_jobs", "integer", "expected_benefits"),
    ("expected_households", "integer", "expected_benefits"),
    ("expected_household_income_increase", "numeric(16,2)", "expected_benefits"),
    ("expected_collective_income", "numeric(16,2)", "expected_benefits"),
    ("expected_restored_area_mu", "numeric(16,2)", "expected_benefits"),
    ("longitude", "numeric(9,6)", "location"),
    ("latitude", "numeric(9,6)", "location"),
    # As `funding_lines` writes them: by source, the whole life first, money with two decimals.
    ("funding", "jsonb", "funding"),
)
COLUMNS = tuple(Column(*stated, bit) for bit, stated in enumerate(_STATED))
BITS = {column.name: column.mask for column in COLUMNS}
# Of the project's own table; `funding` stands in another one.
OWN = tuple(column for column in COLUMNS if column.name != "funding")
MONEY = frozenset(column.name for column in COLUMNS if column.sql == "numeric(16,2)")


def stated(column: Column, row: str = "s") -> str:
    """Whether the staged row says anything of the column."""
    return f"({row}.stated & {column.mask}) <> 0"


def public(row: str) -> str:
    """The project's public members as JSON, equal exactly where the content is equal."""
    benefits = ", ".join(f"'{name}', {_plain(f'expected_{name}', row)}" for name in BENEFITS)
    return f"""jsonb_build_object(
        'name', {row}.name, 'national_code', {row}.national_code, 'investment_entity', {row}.organisation_id,
        'practice_area_id', {row}.practice_area_id, 'construction_content', {row}.construction_content,
        'primary_mode', {row}.primary_mode,
        'secondary_modes', to_jsonb(ARRAY(SELECT m FROM unnest({row}.secondary_modes) AS u(m) ORDER BY m COLLATE "C")),
        'axis', {row}.axis, 'building_stage', {row}.building_stage, 'starts_on', {row}.starts_on,
        'ends_on', {row}.ends_on, 'expected_benefits', jsonb_build_object({benefits}),
        'location', CASE WHEN {row}.longitude IS NOT NULL THEN jsonb_build_object('type', 'Point', 'coordinates',
            jsonb_build_array(trim_scale({row}.longitude), trim_scale({row}.latitude))) END,
        'funding', {row}.funding)"""  # noqa: S608 - constants


def _plain(name: str, row: str) -> str:
    return f"{row}.{name}::text" if name in MONEY else f"{row}.{name}"


def from_public(column: Column, document: str) -> str:
    """The column's value out of the public members in `document`; the reverse of `public`."""
    match column.member:
        case "expected_benefits":
            benefit = column.name.removeprefix("expected_")
            return f"({document} -> 'expected_benefits' ->> '{benefit}')::{column.sql}"
        case "location":
            place = 0 if column.name == "longitude" else 1
            return f"({document} -> 'location' -> 'coordinates' ->> {place})::{column.sql}"
        case "secondary_modes":
            return f"ARRAY(SELECT jsonb_array_elements_text({document} -> 'secondary_modes'))"
        case "funding":
            return f"{document} -> 'funding'"
        case member:
            return f"({document} ->> '{member}')::{column.sql}"


# The lines of one project, from its stored rows.
FUNDING_LINES = """(
    SELECT coalesce(jsonb_agg(jsonb_build_object('source', f.source, 'year', f.year, 'planned', f.planned::text,
        'done', f.done::text) ORDER BY f.source COLLATE "C", coalesce(f.year, 0)), '[]')
    FROM project_funding AS f WHERE f.project_id = p.id)"""


def differences(before: str, after: str) -> str:
    """Member → before and after, of two public documents, for what differs."""
    found = "coalesce(jsonb_object_agg(a.key, jsonb_build_object('before', b.value, 'after', a.value)), '{}')"
    return f"""(SELECT {found} FROM jsonb_each({after}) AS a LEFT JOIN jsonb_each({before}) AS b ON b.key = a.key
        WHERE a.value IS DISTINCT FROM b.value)"""  # noqa: S608 - constants


def first_words(after: str) -> str:
    """The differences to nothing at all: what says something."""
    return f"""(SELECT jsonb_object_agg(a.key, jsonb_build_object('before', NULL, 'after', a.value))
        FROM jsonb_each({after}) AS a WHERE a.value NOT IN ('null', '[]'))"""  # noqa: S608 - constants
