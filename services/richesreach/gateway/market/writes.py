"""Writes of the market's tables. Each is idempotent: the same row again changes nothing, an older price or
performance neither.
"""

from dataclasses import astuple

from richesreach.gateway.market.model import Bar, Engine, Instrument, Performance, Price, Signal

INSTRUMENT = """
    insert into market_symbols (symbol, name, asset_class, exchange, currency, source)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (symbol) do update set name = excluded.name, asset_class = excluded.asset_class,
        exchange = excluded.exchange, currency = excluded.currency, source = excluded.source
"""
ENGINE = """
    insert into market_engines (engine, name, version, description, enabled, source)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (engine) do update set name = excluded.name, version = excluded.version,
        description = excluded.description, enabled = excluded.enabled, source = excluded.source
"""
BAR = """
    insert into market_bars (symbol, interval, opened_at, open, high, low, close, volume, source)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (symbol, interval, opened_at) do update set open = excluded.open, high = excluded.high,
        low = excluded.low, close = excluded.close, volume = excluded.volume, source = excluded.source
"""
PRICE = """
    insert into market_prices (symbol, price, at, source) values ($1, $2, $3, $4)
    on conflict (symbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
    where excluded.at >= market_prices.at
"""
SIGNAL = """
    insert into market_signals (id, symbol, engine, direction, confidence, at, source)
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing
"""
PERFORMANCE = """
    insert into market_performance (symbol, period, sharpe_ratio, win_rate, total_trades, total_pnl,
        max_drawdown, measured_at, source)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (symbol, period) do update set sharpe_ratio = excluded.sharpe_ratio,
        win_rate = excluded.win_rate, total_trades = excluded.total_trades, total_pnl = excluded.total_pnl,
        max_drawdown = excluded.max_drawdown, measured_at = excluded.measured_at, source = excluded.source
    where excluded.measured_at >= market_performance.measured_at
"""


def values(row: Instrument | Engine | Bar | Price | Signal | Performance) -> tuple[object, ...]:
    """The columns of a row in the order of its statement, which is that of its fields."""
    return astuple(row)
