"""A table for each feature view: one row for an entity and event time, with a column a feature.

Rows of the live views come by the minute and symbol: their tables are partitioned by day, so that old days
are dropped and not deleted. `event_time` is exact, in Unix nanoseconds; `event_timestamp` is the first
microsecond not before it, for readers who know no nanoseconds. `vector_hash` is of what was online.
"""

from alembic import op

revision = "0001"
down_revision = None

_INDICATORS = (
    *("sma_20", "sma_50", "ema_12", "ema_26", "rsi_14", "macd", "macd_signal", "macd_histogram"),
    *(
        "bollinger_upper",
        "bollinger_middle",
        "bollinger_lower",
        "vwap_20",
        "realised_volatility_20",
        "regime",
    ),
)
LIVE = {
    "market_data_features": (
        *("price", "open_1m", "high_1m", "low_1m", "close_1m", "volume_1m", "vwap_1m", "ticks_1m"),
    ),
    "technical_indicators_features": tuple(
        f"{indicator}_{interval}" for interval in ("1s", "1m", "5m") for indicator in _INDICATORS
    ),
}
PUSHED = {
    "sentiment_features": (
        *("news_sentiment", "news_confidence", "news_documents"),
        *("social_sentiment", "social_confidence", "social_mentions"),
    ),
    "fundamental_features": (
        *("pe_ratio", "pb_ratio", "roe", "market_cap", "dividend_yield", "debt_to_equity"),
    ),
    "ml_prediction_features": (
        *("predicted_signal", "prediction_confidence", "predicted_return", "predicted_volatility"),
        "prediction_horizon",
    ),
    "portfolio_features": (
        *("total_value", "cash_weight", "largest_weight", "concentration", "unrealised_pnl", "realised_pnl"),
        *("daily_return", "portfolio_volatility", "value_at_risk_95", "maximum_drawdown", "beta"),
    ),
}
_PARTITION = """
    create function feature_partition(view text, day date) returns void language plpgsql as $$
    declare
        partition text := view || '_' || to_char(day, 'YYYYMMDD');
        first bigint := extract(epoch from day::timestamp)::bigint * 1000000000;
    begin
        if to_regclass(partition) is null then
            execute format(
                'create table %I partition of %I for values from (%L) to (%L)',
                partition, view, first, first + 86400000000000
            );
        end if;
    end $$
"""


def upgrade() -> None:
    for view, names in (LIVE | PUSHED).items():
        key = "portfolio" if view == "portfolio_features" else "symbol"
        columns = ", ".join(f"{name} double precision" for name in names)
        op.execute(
            f"create table {view} ("
            f'{key} text collate "C" not null check (char_length({key}) between 1 and 64),'
            " event_time bigint not null check (event_time > 0),"
            " event_timestamp timestamptz not null, created timestamptz not null default now(),"
            " vector_hash text not null check (char_length(vector_hash) = 64),"
            f" {columns}, primary key ({key}, event_time))"
            + (" partition by range (event_time)" if view in LIVE else "")
        )
    for view in LIVE:
        op.execute(f"create table {view}_default partition of {view} default")
    op.execute(_PARTITION)


def downgrade() -> None:
    op.execute("drop function feature_partition")
    for view in LIVE | PUSHED:
        op.execute(f"drop table {view}")
