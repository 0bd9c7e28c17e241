"""Beacons: rows that show which server took a write and which one answers a read."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        create table topology_beacons (
            id uuid primary key,
            message text not null check (char_length(message) between 1 and 200),
            written_in text not null,
            written_at timestamptz not null default now()
        )
    """)


def downgrade() -> None:
    op.execute("drop table topology_beacons")
