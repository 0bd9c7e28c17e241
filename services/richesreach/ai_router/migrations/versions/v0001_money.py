"""Budgets and what is spent of them; what became of requests; what callers thought of the answers."""

from alembic import op

revision = "0001"
down_revision = None

# An absent team or key is '': who the budget is for is the primary key, and that takes no nulls.
BUDGETS = (
    """
    create table ai_budgets (
        org text collate "C" not null check (char_length(org) between 1 and 128),
        team text collate "C" not null check (char_length(team) <= 128),
        key text collate "C" not null check (char_length(key) <= 128),
        period text collate "C" not null check (period in ('day', 'month', 'total')),
        limit_microdollars bigint not null check (limit_microdollars between 0 and 1000000000000000),
        low_share numeric(5, 4) not null check (low_share between 0 and 1),
        created_at timestamptz not null default now(),
        changed_at timestamptz not null default now(),
        primary key (org, team, key, period),
        check (key = '' or team <> '')
    )
    """,
    """
    create table ai_budget_accounts (
        account text collate "C" primary key,
        settled bigint not null check (settled >= 0),
        reserved bigint not null check (reserved >= 0),
        until timestamptz,
        noted_at timestamptz not null default now()
    )
    """,
    """
    create table ai_budget_changes (
        id bigint generated always as identity primary key,
        at timestamptz not null default now(),
        actor text not null check (char_length(actor) between 1 and 160),
        action text not null check (action in ('set', 'removed', 'assigned', 'unassigned')),
        target text not null check (char_length(target) between 1 and 480),
        details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
        request_id text not null check (char_length(request_id) between 1 and 128),
        region text not null
    )
    """,
    """
    create index ai_budget_changes_of_target on ai_budget_changes (target, id)
    """,
    """
    create function refuse_budget_change() returns trigger language plpgsql as $$
    begin
        raise exception 'changes of budgets are append-only: % is refused', lower(tg_op);
    end $$
    """,
    """
    create trigger ai_budget_changes_append_only before update or delete or truncate on ai_budget_changes
        for each statement execute function refuse_budget_change()
    """,
    """
    create table ai_members (
        subject text collate "C" primary key check (char_length(subject) between 1 and 128),
        org text collate "C" not null check (char_length(org) between 1 and 128),
        team text collate "C" not null check (char_length(team) between 1 and 128),
        changed_at timestamptz not null default now()
    )
    """,
)

# A request's id is the caller's own where it sent one, and so no key: two may have the same.
REQUESTS = (
    """
    create table ai_requests (
        id uuid primary key,
        request_id text collate "C" not null check (char_length(request_id) between 1 and 128),
        at timestamptz not null,
        region text not null,
        org text collate "C" not null,
        team text collate "C" not null,
        key text collate "C" not null,
        task text not null,
        asked text not null,
        model text collate "C",
        provider text,
        outcome text not null,
        cached text not null check (cached in ('none', 'exact', 'semantic')),
        streamed boolean not null,
        downgraded boolean not null,
        attempts smallint not null check (attempts >= 0),
        input_tokens integer not null check (input_tokens >= 0),
        output_tokens integer not null check (output_tokens >= 0),
        cost bigint not null check (cost >= 0),
        seconds double precision not null check (seconds >= 0),
        first_token double precision check (first_token >= 0)
    )
    """,
    """
    create index ai_requests_of_org on ai_requests (org, at)
    """,
    """
    create index ai_requests_by_id on ai_requests (request_id, at)
    """,
    """
    create index ai_requests_of_time on ai_requests (at)
    """,
    """
    create table ai_attempts (
        request uuid not null,
        number smallint not null check (number >= 0),
        at timestamptz not null,
        region text not null,
        org text collate "C" not null,
        model text collate "C" not null,
        provider text not null,
        credential text not null,
        failure text,
        hedge boolean not null,
        input_tokens integer not null check (input_tokens >= 0),
        cached_tokens integer not null check (cached_tokens >= 0),
        output_tokens integer not null check (output_tokens >= 0),
        estimated boolean not null,
        cost bigint not null check (cost >= 0),
        seconds double precision not null check (seconds >= 0),
        first_token double precision check (first_token >= 0),
        primary key (request, number)
    )
    """,
    """
    create index ai_attempts_of_time on ai_attempts (at, model)
    """,
)

FEEDBACK = (
    """
    create table ai_feedback (
        request uuid not null,
        subject text collate "C" not null check (char_length(subject) between 1 and 128),
        model text collate "C" not null,
        task text collate "C" not null,
        score double precision not null check (score between 0 and 1),
        counted boolean not null,
        at timestamptz not null default now(),
        primary key (request, subject)
    )
    """,
    """
    create index ai_feedback_of_subject on ai_feedback (subject, model, task, at)
    """,
    """
    create table ai_quality (
        model text collate "C" not null,
        task text collate "C" not null,
        good double precision not null check (good >= 0),
        weight double precision not null check (weight >= good),
        at timestamptz not null default now(),
        primary key (model, task)
    )
    """,
)


def upgrade() -> None:
    # asyncpg prepares what it executes, and one statement at a time.
    for statement in (*BUDGETS, *REQUESTS, *FEEDBACK):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table ai_quality, ai_feedback, ai_attempts, ai_requests, ai_members, ai_budget_changes")
    op.execute("drop table ai_budget_accounts, ai_budgets")
    op.execute("drop function refuse_budget_change")
