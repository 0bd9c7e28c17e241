"""Users, their API keys, what was done to either, and which tables hold something about a person.

The user pool is the directory: a row here is what the platform itself must know of a user. Secrets of keys
are kept as hashes. Audit events are never changed: not by the services, and not by mistake.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

USERS = (
    """
    create table users (
        subject text primary key check (subject ~ '^[A-Za-z0-9:_-]{1,128}$'),
        status text not null default 'active' check (status in ('active', 'disabled')),
        created_at timestamptz not null default now()
    )
    """,
    """
    create table api_keys (
        id text collate "C" primary key check (id ~ '^[0-9A-Za-z]{12}$'),
        owner text not null references users on delete cascade,
        name text not null check (char_length(name) between 1 and 80),
        roles text[] not null
            check (cardinality(roles) > 0 and roles <@ array['viewer', 'trader', 'admin', 'service']),
        scopes text[] check (cardinality(scopes) > 0),
        tier text check (tier ~ '^[a-z][a-z0-9-]{0,31}$'),
        secret_hash bytea not null check (octet_length(secret_hash) = 32),
        previous_hash bytea check (octet_length(previous_hash) = 32),
        previous_until timestamptz,
        created_at timestamptz not null default now(),
        rotated_at timestamptz,
        expires_at timestamptz check (expires_at > created_at),
        revoked_at timestamptz,
        last_used_on date,
        check ((previous_hash is null) = (previous_until is null))
    )
    """,
    """
    create index api_keys_of_owner on api_keys (owner, created_at, id)
    """,
)

AUDIT = (
    """
    create table audit_events (
        id bigint generated always as identity primary key,
        at timestamptz not null default now(),
        actor text not null check (char_length(actor) between 1 and 128),
        action text not null check (action ~ '^[a-z]+[.][a-z_]+$'),
        target text not null check (char_length(target) between 1 and 160),
        details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
        request_id text not null check (char_length(request_id) between 1 and 128),
        region text not null
    )
    """,
    """
    create index audit_events_of_actor on audit_events (actor, id)
    """,
    """
    create index audit_events_of_target on audit_events (target, id)
    """,
    """
    create function refuse_audit_change() returns trigger language plpgsql as $$
    begin
        raise exception 'audit events are append-only: % is refused', lower(tg_op);
    end $$
    """,
    """
    create trigger audit_events_append_only before update or delete or truncate on audit_events
        for each statement execute function refuse_audit_change()
    """,
)

# Each table that holds rows about a person says so here; the youngest is erased first, as it may refer to
# older ones. `erase_subject` is what an erasure calls in every schema (docs/security.md).
PERSONAL = (
    """
    create table personal_data (
        position integer generated always as identity,
        relation name primary key,
        subject_column name not null
    )
    """,
    """
    insert into personal_data (relation, subject_column) values ('users', 'subject'), ('api_keys', 'owner')
    """,
    """
    create function erase_subject(subject text, dry_run boolean)
        returns table (relation text, affected bigint)
        language plpgsql set search_path from current as $$
    declare
        place record;
    begin
        for place in select p.relation, p.subject_column from personal_data p order by p.position desc loop
            if dry_run then
                execute format('select count(*) from %I where %I = $1', place.relation, place.subject_column)
                    into affected using subject;
            else
                execute format('delete from %I where %I = $1', place.relation, place.subject_column)
                    using subject;
                get diagnostics affected = row_count;
            end if;
            relation := place.relation;
            return next;
        end loop;
    end $$
    """,
)


def upgrade() -> None:
    # asyncpg prepares what it executes, and one statement at a time.
    for statement in (*USERS, *AUDIT, *PERSONAL):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop function erase_subject")
    op.execute("drop table personal_data, audit_events, api_keys, users")
    op.execute("drop function refuse_audit_change")
