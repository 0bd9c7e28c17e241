"""Records of the curated zone: what people and dashboards read. Rows are updated, so tables are Iceberg."""

from __future__ import annotations

from stacks.datalake.schemas.market import ORIGIN, SYMBOL
from stacks.datalake.schemas.model import Field, Schema

_DAY = Field("day", "date", "trading day, UTC")
_PORTFOLIO = Field("portfolio_id", "string", "portfolio, a pseudonym")

DAILY_SUMMARIES = Schema(
    "daily_summaries",
    "A day of an instrument",
    (
        SYMBOL,
        _DAY,
        Field("open", "double", "first price", minimum=0),
        Field("high", "double", "highest price", minimum=0),
        Field("low", "double", "lowest price", minimum=0),
        Field("close", "double", "last price", minimum=0),
        Field("volume", "double", "units traded", minimum=0),
        Field("return_1d", "double", "close to close", nullable=True),
        ORIGIN,
    ),
    key=("symbol", "day"),
)

PORTFOLIO_ANALYTICS = Schema(
    "portfolio_analytics",
    "A day of a portfolio",
    (
        _PORTFOLIO,
        _DAY,
        Field("market_value", "decimal", "value at the close"),
        Field("cash", "decimal", "cash held"),
        Field("pnl", "decimal", "profit or loss of the day"),
        Field("currency", "string", "ISO 4217"),
        Field("weight_top", "double", "weight of the largest position", minimum=0, maximum=1),
        Field("positions", "long", "number of positions", minimum=0),
        ORIGIN,
    ),
    key=("portfolio_id", "day"),
)

RISK_METRICS = Schema(
    "risk_metrics",
    "Risk of a portfolio at the close",
    (
        _PORTFOLIO,
        _DAY,
        Field("var_95", "decimal", "value at risk, 95 %, one day, as a positive loss"),
        Field("expected_shortfall_95", "decimal", "mean loss beyond it"),
        Field("volatility_annual", "double", "annualised deviation", minimum=0),
        Field("beta", "double", "to the market", nullable=True),
        Field("max_drawdown", "double", "0 to 1", minimum=0, maximum=1),
        ORIGIN,
    ),
    key=("portfolio_id", "day"),
)

CURATED = (DAILY_SUMMARIES, PORTFOLIO_ANALYTICS, RISK_METRICS)
