"""The market: symbols, bars, prices, signals, performance, engines; what users watch and want to be told.

A bar's table is partitioned by month, so that old months are dropped and not deleted.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# Symbols compare byte by byte ("C"), so that pages are in the same order on every server.
SYMBOLS = """
    create table market_symbols (
        symbol text collate "C" primary key check (symbol ~ '^[A-Z0-9][A-Z0-9.^=-]{0,19}$'),
        name text not null check (char_length(name) between 1 and 120),
        asset_class text not null check (asset_class in ('equity', 'etf', 'crypto', 'fx', 'index')),
        exchange text not null check (exchange ~ '^[A-Z0-9]{2,12}$'),
        currency text not null check (currency ~ '^[A-Z]{3,5}$'),
        source text not null check (char_length(source) between 1 and 40)
    );
    create table market_engines (
        engine text collate "C" primary key check (engine ~ '^[a-z][a-z0-9-]{0,39}$'),
        name text not null check (char_length(name) between 1 and 80),
        version text not null check (char_length(version) between 1 and 40),
        description text not null check (char_length(description) <= 400),
        enabled boolean not null,
        source text not null
    );
"""

BARS = """
    create table market_bars (
        symbol text collate "C" not null references market_symbols on delete cascade,
        interval text collate "C" not null check (interval in ('1m', '5m', '15m', '1h', '1d')),
        opened_at timestamptz not null,
        open numeric(20, 8) not null,
        high numeric(20, 8) not null,
        low numeric(20, 8) not null,
        close numeric(20, 8) not null,
        volume numeric(28, 8) not null check (volume >= 0),
        source text not null,
        primary key (symbol, interval, opened_at),
        check (low <= least(open, close) and high >= greatest(open, close))
    ) partition by range (opened_at);
    create table market_bars_default partition of market_bars default;

    create function market_bars_partition(month date) returns void language plpgsql as $$
    declare
        first date := date_trunc('month', month);
        partition text := 'market_bars_' || to_char(first, 'YYYYMM');
    begin
        if to_regclass(partition) is null then
            execute format(
                'create table %I partition of market_bars for values from (%L) to (%L)',
                partition,
                first::timestamp at time zone 'UTC',
                (first + interval '1 month') at time zone 'UTC'
            );
        end if;
    end $$;
"""

VALUES = """
    create table market_prices (
        symbol text collate "C" primary key references market_symbols on delete cascade,
        price numeric(20, 8) not null,
        at timestamptz not null,
        source text not null
    );
    create table market_signals (
        id uuid primary key,
        symbol text collate "C" not null references market_symbols on delete cascade,
        engine text collate "C" not null references market_engines,
        direction text not null check (direction in ('BUY', 'SELL', 'HOLD')),
        confidence numeric(5, 4) not null check (confidence between 0 and 1),
        at timestamptz not null,
        source text not null
    );
    create index market_signals_newest on market_signals (at desc, id desc);
    create index market_signals_of_symbol on market_signals (symbol, at desc, id desc);
    create index market_signals_of_engine on market_signals (engine, at desc, id desc);

    create table market_performance (
        symbol text collate "C" not null references market_symbols on delete cascade,
        period text not null check (period in ('7d', '30d', '90d', '365d')),
        sharpe_ratio numeric(10, 4) not null,
        win_rate numeric(5, 4) not null check (win_rate between 0 and 1),
        total_trades integer not null check (total_trades >= 0),
        total_pnl numeric(20, 4) not null,
        max_drawdown numeric(5, 4) not null check (max_drawdown between 0 and 1),
        measured_at timestamptz not null,
        source text not null,
        primary key (symbol, period)
    );
"""

OWNED = """
    create table watchlists (
        id uuid primary key,
        subject text not null check (char_length(subject) between 1 and 200),
        name text not null check (char_length(name) between 1 and 80),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        unique (subject, name)
    );
    create index watchlists_of_subject on watchlists (subject, created_at, id);
    create table watchlist_items (
        watchlist_id uuid not null references watchlists on delete cascade,
        symbol text collate "C" not null references market_symbols on delete cascade,
        position integer not null check (position >= 0),
        primary key (watchlist_id, symbol)
    );
    create table alerts (
        id uuid primary key,
        subject text not null check (char_length(subject) between 1 and 200),
        symbol text collate "C" not null references market_symbols on delete cascade,
        condition text not null check (condition in ('ABOVE', 'BELOW')),
        threshold numeric(20, 8) not null check (threshold > 0),
        note text not null default '' check (char_length(note) <= 200),
        active boolean not null default true,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
    );
    create index alerts_of_subject on alerts (subject, created_at, id);
    create index alerts_to_watch on alerts (symbol, condition, threshold) where active;

    create table market_requests (
        subject text not null,
        key text not null check (char_length(key) between 1 and 80),
        digest bytea not null,
        answer jsonb,
        asked_at timestamptz not null default now(),
        primary key (subject, key)
    );
    create index market_requests_of_age on market_requests (subject, asked_at);

    insert into personal_data (relation, subject_column)
        values ('watchlists', 'subject'), ('alerts', 'subject'), ('market_requests', 'subject');
"""


def upgrade() -> None:
    for script in (SYMBOLS, BARS, VALUES, OWNED):
        for statement in _statements(script):
            op.execute(statement)


def downgrade() -> None:
    op.execute("delete from personal_data where relation in ('watchlists', 'alerts', 'market_requests')")
    for table in ("market_requests", "alerts", "watchlist_items", "watchlists", "market_performance"):
        op.execute(f"drop table {table}")
    for table in ("market_signals", "market_prices", "market_bars", "market_engines", "market_symbols"):
        op.execute(f"drop table {table}")
    op.execute("drop function market_bars_partition")


def _statements(script: str) -> list[str]:
    """asyncpg prepares what it executes, and one statement at a time; a function's body stays whole."""
    found, inside = [""], False
    for line in script.splitlines():
        found[-1] += line + "\n"
        inside ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not inside:
            found.append("")
    return [statement for statement in found if statement.strip()]
