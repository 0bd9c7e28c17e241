"""The six feature views, said once: the service, its tables and the Feast registry are made of these tables.

A view has one entity and one row for an entity and event time. The newest row of each entity is online, as a
packed vector in the region's cache; all rows are offline, in the table of the view's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from richesreach.core.layout import NAMES, PRICE
from richesreach.core.vectors import ONLINE, Layout

Entity = Literal["symbol", "portfolio"]

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Feature:
    """One 64-bit float. A value outside [lowest, highest], or more than a share `nulls` of rows without one,
    is a finding of validation.
    """

    name: str
    unit: str
    meaning: str
    lowest: float | None = None
    highest: float | None = None
    nulls: float = 1.0

    @property
    def bounds(self) -> str:
        """Such as `[0, 1]` or `[0, ∞)`."""
        low = "(-∞" if self.lowest is None else f"[{self.lowest:g}"
        return f"{low}, ∞)" if self.highest is None else f"{low}, {self.highest:g}]"

    def admits(self, value: float) -> bool:
        return (self.lowest is None or value >= self.lowest) and (
            self.highest is None or value <= self.highest
        )


@dataclass(frozen=True, slots=True)
class View:
    """`live`: the stream writes its vectors, with each tick. Others are pushed to this service.

    A row is online or joined for `ttl` seconds at most, and stale from `stale_after` on.
    """

    name: str
    entity: Entity
    meaning: str
    features: tuple[Feature, ...]
    layout: Layout
    live: bool
    stale_after: int
    ttl: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)


_BAR = {
    "open": Feature("", "currency", "first price of the last closed bar of 1m", 0.0, nulls=0.2),
    "high": Feature("", "currency", "highest price of that bar", 0.0, nulls=0.2),
    "low": Feature("", "currency", "lowest price of that bar", 0.0, nulls=0.2),
    "close": Feature("", "currency", "last price of that bar", 0.0, nulls=0.2),
    "volume": Feature("", "units", "sum of the sizes in that bar", 0.0, nulls=0.2),
    "vwap": Feature("", "currency", "mean price of that bar by size; none without a size", 0.0),
    "ticks": Feature("", "ticks", "ticks in that bar", 1.0, nulls=0.2),
}
# By the beginning of an indicator's name; the formulas are in `stream/definitions.py`.
_INDICATOR = {
    "sma": Feature("", "currency", "simple moving average of closes", 0.0),
    "ema": Feature("", "currency", "exponential moving average of closes", 0.0),
    "rsi": Feature("", "0 to 100", "relative strength by Wilder", 0.0, 100.0),
    "macd": Feature("", "currency", "averages of 12 and 26 closes: distance, signal or histogram"),
    "bollinger": Feature("", "currency", "mean of 20 closes, and 2 deviations above and below"),
    "vwap": Feature("", "currency", "mean price over 20 bars by size", 0.0),
    "realised": Feature("", "share", "volatility realised over 20 bars", 0.0),
    "regime": Feature("", "code", "0 ranging, 1 rising, -1 falling, 2 turbulent", -1.0, 2.0),
}
_MARKET = tuple(name for name in NAMES if name != PRICE and name.removesuffix("_1m") in _BAR)


def _named(name: str, like: Feature) -> Feature:
    return Feature(name, like.unit, like.meaning, like.lowest, like.highest, like.nulls)


def _technical() -> tuple[Feature, ...]:
    """What the stream's layout has besides the price and its bar."""
    names = [name for name in NAMES if name != PRICE and name not in _MARKET]
    found = []
    for name in names:
        like = _INDICATOR[name.partition("_")[0]]
        interval = name.rpartition("_")[2]
        found.append(
            Feature(name, like.unit, f"{like.meaning}, bars of {interval}", like.lowest, like.highest)
        )
    return tuple(found)


def _pushed(
    name: str, meaning: str, features: Sequence[Feature], *, stale: int, ttl: int, entity: Entity = "symbol"
) -> View:
    layout = Layout(1, [feature.name for feature in features])
    return View(name, entity, meaning, tuple(features), layout, False, stale, ttl)


SENTIMENT = (
    Feature("news_sentiment", "-1 to 1", "mean score of the news of the last day", -1.0, 1.0, 0.1),
    Feature("news_confidence", "share", "mean confidence of those scores", 0.0, 1.0, 0.1),
    Feature("news_documents", "documents", "news that were scored", 0.0, nulls=0.1),
    Feature("social_sentiment", "-1 to 1", "mean score of what was said on social media in a day", -1.0, 1.0),
    Feature("social_confidence", "share", "mean confidence of those scores", 0.0, 1.0),
    Feature("social_mentions", "mentions", "what was scored of social media", 0.0),
)
FUNDAMENTAL = (
    Feature("pe_ratio", "ratio", "price over earnings of a share; none without earnings"),
    Feature("pb_ratio", "ratio", "price over book value of a share"),
    Feature("roe", "share", "net income over equity"),
    Feature("market_cap", "currency", "price times shares outstanding", 0.0, nulls=0.1),
    Feature("dividend_yield", "share", "dividends of a year over the price", 0.0, 1.0),
    Feature("debt_to_equity", "ratio", "debt over equity"),
)
PREDICTION = (
    Feature("predicted_signal", "-1, 0, 1", "sell, hold or buy of the model that serves", -1.0, 1.0, 0.05),
    Feature("prediction_confidence", "share", "confidence in that signal", 0.0, 1.0, 0.05),
    Feature("predicted_return", "share", "return expected over the horizon", -1.0, None),
    Feature("predicted_volatility", "share", "volatility expected over the horizon", 0.0),
    Feature("prediction_horizon", "seconds", "how far ahead the model looks", 0.0, nulls=0.05),
)
PORTFOLIO = (
    Feature("total_value", "currency", "positions and cash at the last prices", nulls=0.0),
    Feature("cash_weight", "share", "cash over the total value"),
    Feature("largest_weight", "share", "the largest position over the total value"),
    Feature("concentration", "0 to 1", "sum of the squared weights (Herfindahl)", 0.0),
    Feature("unrealised_pnl", "currency", "gain on positions that are open"),
    Feature("realised_pnl", "currency", "gain on positions that were closed"),
    Feature("daily_return", "share", "change of the total value since the day began", -1.0),
    Feature("portfolio_volatility", "share", "standard deviation of daily returns, of a year", 0.0),
    Feature("value_at_risk_95", "share", "loss of a day that 95 of 100 days stay below", 0.0),
    Feature("maximum_drawdown", "share", "largest fall from a peak", 0.0, 1.0),
    Feature("beta", "ratio", "covariance with the market's returns over their variance"),
)
VIEWS: tuple[View, ...] = (
    View(
        "market_data_features",
        "symbol",
        "Last price, and price and volume of the last closed minute",
        (
            Feature(PRICE, "currency", "last price by event time", 0.0, nulls=0.0),
            *(_named(name, _BAR[name.removesuffix("_1m")]) for name in _MARKET),
        ),
        ONLINE,
        live=True,
        stale_after=MINUTE,
        # A market that is closed over a long weekend has prices all the same; their age is told.
        ttl=7 * DAY,
    ),
    View(
        "technical_indicators_features",
        "symbol",
        "Indicators over closed bars of 1s, 1m and 5m",
        _technical(),
        ONLINE,
        live=True,
        stale_after=MINUTE,
        ttl=7 * DAY,
    ),
    _pushed(
        "sentiment_features",
        "What news and social media say of a symbol",
        SENTIMENT,
        stale=6 * HOUR,
        ttl=7 * DAY,
    ),
    _pushed(
        "fundamental_features",
        "What a company earns, owns and owes",
        FUNDAMENTAL,
        stale=7 * DAY,
        ttl=200 * DAY,
    ),
    _pushed("ml_prediction_features", "What the serving model expects", PREDICTION, stale=HOUR, ttl=7 * DAY),
    _pushed(
        "portfolio_features",
        "What a portfolio holds, earned and risks",
        PORTFOLIO,
        stale=HOUR,
        ttl=7 * DAY,
        entity="portfolio",
    ),
)
BY_NAME: Mapping[str, View] = {view.name: view for view in VIEWS}
# Names are unique over all views, so that a feature needs no view before its name.
VIEW_OF: Mapping[str, View] = {name: view for view in VIEWS for name in view.names}
