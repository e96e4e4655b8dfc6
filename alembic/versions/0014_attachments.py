"""Files of the dossiers.

Revision: 0014
Follows: 0013
"""

import sqlalchemy as sa
from alembic import op

from app.models.ddl import APP, engine_function, protect, within

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


OWN = within("region_code", "regions")
# What was sent is seen with its dossier. A project has readers of its own (its entity, its field's department).
SENT = """released_at IS NOT NULL AND CASE owner_kind
    WHEN 'project' THEN EXISTS (SELECT FROM projects AS owner WHERE owner.id = attachments.project_id)
    ELSE (SELECT gate.sees_filed()) END"""

# An expert who has declared reads what belongs to the copy, and loses it with the assignment: panels and assignments
# are walled, and what is hidden there is not found here.
JUDGED = """released_at IS NOT NULL AND EXISTS (
    SELECT FROM panels AS judging JOIN assignments AS mine ON mine.panel_id = judging.id
    WHERE judging.subject_kind = attachments.owner_kind AND judging.subject_id = attachments.owner_id
        AND mine.person_id = (SELECT gate.principal()) AND mine.state IN ('declared', 'done'))"""

POLICIES = [
    *protect(
        "attachments",
        select=f"{OWN} OR ({SENT}) OR ({JUDGED})",
        insert=f"{OWN} AND uploaded_by = (SELECT gate.principal())",
        update=OWN,
        delete=f"{OWN} AND released_at IS NULL",
    ),
    # Bytes are reached through an attachment that the caller sees.
    *protect(
        "blobs",
        select="EXISTS (SELECT FROM attachments AS seen WHERE seen.sha256 = blobs.sha256)",
    ),
]

# Written whether they are known or not: who uploads must not tell by the time it takes that somebody has this file.
# The engine checks the name, or one upload could replace the bytes of another.
KEEP_BLOB = """
BEGIN
    IF gate.kind() IS DISTINCT FROM 'person' OR encode(sha256(bytes), 'hex') IS DISTINCT FROM named THEN
        RAISE EXCEPTION 'not entitled to keep these bytes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO blobs (sha256, size, media_type, content) VALUES (named, length(bytes), kind, bytes)
    ON CONFLICT (sha256) DO UPDATE SET content = excluded.content;
END
"""


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size BETWEEN 1 AND 20971520", name=op.f("ck_blobs_size_range")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("region_code", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sealed_scan", sa.Boolean(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("document_date", sa.Date(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "owner_kind IN ('plan', 'project', 'evaluation', 'case')", name=op.f("ck_attachments_owner_kind_known")
        ),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_attachments_region_code")),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_attachments_sha256")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["people.id"], name=op.f("fk_attachments_uploaded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"], unique=False)
    # As it is, and not compressed: these files are so already, and a page of it is read without the rest.
    op.execute("ALTER TABLE blobs ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_index("ix_attachments_owner", "attachments", ["owner_kind", "owner_id"], unique=False)
    for statement in [
        *POLICIES,
        *engine_function("keep_blob(named text, kind text, bytes bytea) RETURNS void", KEEP_BLOB, callers=(APP,)),
    ]:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION gate.keep_blob(text, text, bytea)")
    # Together: their policies read one another.
    op.execute("DROP TABLE attachments, blobs")
