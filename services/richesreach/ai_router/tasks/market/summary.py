"""The plain summary: what the figures say, in sentences that need no model."""

from collections.abc import Sequence

from richesreach.ai_router.tasks.market.schemas import Analysed, Stance, View

#: Bounds at which everybody calls an RSI so.
OVERBOUGHT, OVERSOLD = 70.0, 30.0
_TRENDS = {"up": "in an upward trend", "down": "in a downward trend", "sideways": "without a clear trend"}
_VOTES = {"BUY": 1.0, "SELL": -1.0, "HOLD": 0.0}


def summary(analysed: Sequence[Analysed]) -> str:
    """One sentence over all, and one for each symbol."""
    if not analysed:
        return "There are no bars of any of these symbols."
    up = sum(found.indicators.trend == "up" for found in analysed)
    down = sum(found.indicators.trend == "down" for found in analysed)
    head = f"Of {len(analysed)} symbols {up} trend upward and {down} downward."
    return " ".join([head, *(_sentence(found) for found in analysed)])


def _sentence(found: Analysed) -> str:
    figures = found.indicators
    parts = [f"{found.symbol} closed at {figures.close:g} {found.currency}, {_TRENDS[figures.trend]}"]
    if figures.change_20d is not None:
        parts.append(f"{figures.change_20d:+.2f} % over 20 days")
    if figures.rsi is not None:
        word = _heat(figures.rsi)
        parts.append(f"RSI {figures.rsi:.1f}{f' ({word})' if word else ''}")
    if figures.volatility is not None:
        parts.append(f"volatility {figures.volatility:.1f} % a year")
    parts.append(f"{abs(figures.drawdown):.1f} % below its high of {found.bars} days")
    return ", ".join(parts) + "."


def views(analysed: Sequence[Analysed]) -> list[View]:
    """A stance for each symbol: its trend and what the engines advise, held back at the ends of the RSI."""
    return [_view(found) for found in analysed]


def _view(found: Analysed) -> View:
    figures = found.indicators
    advice = sum(_VOTES[signal.direction] * signal.confidence for signal in found.signals)
    score = {"up": 1.0, "down": -1.0, "sideways": 0.0}[figures.trend] + advice / max(1, len(found.signals))
    reasons = [_TRENDS[figures.trend]]
    if found.signals:
        told = ", ".join(f"{signal.engine} {signal.direction}" for signal in found.signals)
        reasons.append(f"engines: {told}")
    heat = _heat(figures.rsi) if figures.rsi is not None else ""
    if heat:
        reasons.append(heat)
        score -= 0.5 if heat == "overbought" else -0.5
    stance: Stance = "bullish" if score >= 0.5 else "bearish" if score <= -0.5 else "neutral"
    return View(found.symbol, stance, "; ".join(reasons))


def _heat(rsi: float) -> str:
    if rsi >= OVERBOUGHT:
        return "overbought"
    return "oversold" if rsi <= OVERSOLD else ""
