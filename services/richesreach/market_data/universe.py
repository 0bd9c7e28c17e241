"""Which symbols there are, and what each vendor that carries one calls it."""

from collections.abc import Iterable, Mapping

from richesreach.core.sample_market import SAMPLES
from richesreach.market_data.sources import alpha_vantage, coingecko, finnhub, generator, massive

# Prices of these are of US stocks, under the same name at every vendor of stocks.
_STOCK_VENDORS = (massive.ABOUT.name, finnhub.ABOUT.name, alpha_vantage.ABOUT.name)
# Vendor by vendor, what is no US stock. A price in another currency, or of another listing, is no price of
# ours: symbols that no vendor of ours quotes so have none.
_OTHERS: Mapping[str, Mapping[str, str]] = {
    "BTC-USD": {finnhub.ABOUT.name: "COINBASE:BTC-USD", coingecko.ABOUT.name: "bitcoin"},
    "ETH-USD": {finnhub.ABOUT.name: "COINBASE:ETH-USD", coingecko.ABOUT.name: "ethereum"},
    "EURUSD": {finnhub.ABOUT.name: "OANDA:EUR_USD"},
    "ASML": {},
    "D05": {},
    "GSPC": {},
    "SAP": {},
}
# By preference: trades as they happen, before prices that are asked for; what is dearer to ask comes last.
PREFERENCE: tuple[str, ...] = (
    massive.ABOUT.name,
    finnhub.ABOUT.name,
    coingecko.ABOUT.name,
    alpha_vantage.ABOUT.name,
    generator.ABOUT.name,
)
SYMBOLS: tuple[str, ...] = tuple(SAMPLES)


def names_at(vendor: str, symbols: Iterable[str]) -> dict[str, str]:
    """The vendor's names by ours, of what it carries. A symbol that is unknown here is taken for a stock."""
    if vendor == generator.ABOUT.name:
        return {symbol: symbol for symbol in symbols}
    found = {}
    for symbol in symbols:
        names = _OTHERS.get(symbol)
        if names is not None:
            if vendor in names:
                found[symbol] = names[vendor]
        elif vendor in _STOCK_VENDORS:
            found[symbol] = symbol
    return found
