"""Regions, organisations, practice areas and reference data (Art. 1-3).

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.models.ddl import holds, protect, within

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


ANYBODY = "(SELECT gate.kind()) IS NOT NULL"
OFFICE = holds("league_office", "system_admin")
# A region keeps its own bodies; a push makes the investment entity that it names.
OWN = f"{OFFICE} OR {within('region_code', 'regions')} OR {within('region_code', 'client_regions')}"

POLICIES = [
    *protect("regions", select=ANYBODY),
    *protect("conversion_modes", select=ANYBODY),
    *protect("funding_sources", select=ANYBODY),
    *protect("indicators", select=ANYBODY),
    *protect("relations", select=ANYBODY),
    *protect("organisations", select=ANYBODY, insert=OWN, update=OFFICE),
    *protect("practice_areas", select=ANYBODY, insert=OFFICE, update=OFFICE),
]


def upgrade() -> None:
    op.create_table(
        "conversion_modes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_conversion_modes")),
        sa.UniqueConstraint("name_zh", name=op.f("uq_conversion_modes_name_zh")),
    )
    op.create_table(
        "funding_sources",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_funding_sources")),
        sa.UniqueConstraint("name_zh", name=op.f("uq_funding_sources_name_zh")),
    )
    op.create_table(
        "indicators",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("aggregations", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("source_body", sa.Text(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "direction IN ('higher', 'lower', 'done', 'none')", name=op.f("ck_indicators_direction_known")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_indicators")),
    )
    op.create_table(
        "regions",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_mn", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=False),
        sa.Column("org_type", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("assessed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9]{6}$'", name=op.f("ck_regions_code_shape")),
        sa.CheckConstraint("code_system IN ('GB2260', 'NBS')", name=op.f("ck_regions_code_system_known")),
        sa.CheckConstraint("level IN ('league', 'county')", name=op.f("ck_regions_level_known")),
        sa.ForeignKeyConstraint(["parent_code"], ["regions.code"], name=op.f("fk_regions_parent_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_regions")),
    )
    op.create_table(
        "relations",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("capacities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("look_back_years", sa.Integer(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_relations")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("no_code_reason", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("charge_modes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('party_committee', 'government', 'management_committee', 'department', 'public_institution', 'enterprise', 'township', 'state_farm', 'cooperative', 'gacha_collective', 'family_ranch', 'institute')",
            name=op.f("ck_organisations_kind_known"),
        ),
        sa.CheckConstraint(
            "credit_code IS NOT NULL OR no_code_reason IS NOT NULL",
            name=op.f("ck_organisations_code_or_reason"),
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["organisations.id"], name=op.f("fk_organisations_parent_id")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_organisations_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_organisations_credit_code")),
    )
    op.create_index("ix_organisations_name", "organisations", ["name"], unique=False)
    op.create_index("ix_organisations_region_code", "organisations", ["region_code"], unique=False)
    op.create_table(
        "practice_areas",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=True),
        sa.Column("mode_code", sa.Text(), nullable=True),
        sa.Column("entity_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("geometry", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("established_on", sa.Date(), nullable=True),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('established', 'adjusted', 'withdrawn')", name=op.f("ck_practice_areas_state_known")
        ),
        sa.ForeignKeyConstraint(["mode_code"], ["conversion_modes.code"], name=op.f("fk_practice_areas_mode_code")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_practice_areas_region_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_areas")),
    )
    op.create_index("ix_practice_areas_region_code", "practice_areas", ["region_code"], unique=False)
    for statement in POLICIES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_practice_areas_region_code", table_name="practice_areas")
    op.drop_table("practice_areas")
    op.drop_index("ix_organisations_region_code", table_name="organisations")
    op.drop_index("ix_organisations_name", table_name="organisations")
    op.drop_table("organisations")
    op.drop_table("relations")
    op.drop_table("regions")
    op.drop_table("indicators")
    op.drop_table("funding_sources")
    op.drop_table("conversion_modes")
