"""CoinGecko, Alpha Vantage, the World Bank and Fear & Greed, played by a server with recorded shapes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from richesreach.core.vendors.errors import SourceRefusedError
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record, State, Trade
from richesreach.market_data.source import Adapter, Source, why_disabled
from richesreach.market_data.sources.alpha_vantage import AlphaVantage
from richesreach.market_data.sources.coingecko import CoinGecko
from richesreach.market_data.sources.declared import DECLARED, Declared
from richesreach.market_data.sources.fear_greed import FearGreed
from richesreach.market_data.sources.symbols import SymbolError, vendor_symbols
from richesreach.market_data.sources.world_bank import WorldBank
from stream_client import eventually
from vendors import Vendor, listening_to, playing

KEY = "a-key-that-nobody-may-see"
S = 1_000_000_000
NOW = int(datetime(2026, 6, 2, 15, 30, tzinfo=UTC).timestamp()) * S
COINS = {"bitcoin": {"usd": 67187.3358936566, "last_updated_at": 1711356300}}
INDEX = {
    "name": "Fear and Greed Index",
    "data": [{"value": "47", "value_classification": "Neutral", "timestamp": "1777248000"}],
    "metadata": {"error": None},
}


def quote(price: str = "136.0900", day: str = "2026-06-02") -> dict[str, Any]:
    return {
        "Global Quote": {
            "01. symbol": "IBM", "02. open": "135.6300", "05. price": price, "06. volume": "3272800",
            "07. latest trading day": day, "10. change percent": "0.5%",
        }
    }  # fmt: skip


def figures(*rows: tuple[str, str, float | None]) -> list[Any]:
    head = {
        "page": 1,
        "pages": 1,
        "per_page": 1000,
        "total": len(rows),
        "sourceid": "75",
        "lastupdated": "2026-04-08",
    }
    found = [
        {
            "indicator": {"id": "SG.GEN.PARL.ZS", "value": "Seats held by women"},
            "country": {"id": code[:2], "value": code},
            "countryiso3code": code, "date": year, "value": value, "unit": "", "obs_status": "", "decimal": 1,
        }
        for code, year, value in rows
    ]  # fmt: skip
    return [head, found]


def coingecko(vendor: Vendor) -> CoinGecko:
    return CoinGecko({"BTC-USD": "bitcoin", "ETH-USD": "ethereum"}, KEY, vendor.url)


def alpha(vendor: Vendor) -> AlphaVantage:
    return AlphaVantage(["IBM", "AAPL"], KEY, vendor.url, now=lambda: NOW)


def world_bank(vendor: Vendor) -> WorldBank:
    return WorldBank({"US": "USA", "DE": "DEU"}, ["SG.GEN.PARL.ZS"], vendor.url, now=lambda: NOW)


def fear_greed(vendor: Vendor) -> FearGreed:
    return FearGreed(vendor.url, now=lambda: NOW)


async def test_coingecko_tells_a_price_when_its_time_has_changed() -> None:
    later = {"bitcoin": {"usd": 67190, "last_updated_at": 1711356360}}
    vendor = Vendor(answers=[(200, COINS, {}), (200, COINS, {}), (200, later, {})])
    async with playing(vendor), listening_to(coingecko(vendor)) as heard:
        assert await heard.until(2) == [
            Trade("BTC-USD", "coingecko", 6_718_733_589_366, 0, 1711356300 * S),
            Trade("BTC-USD", "coingecko", 6_719_000_000_000, 0, 1711356360 * S),
        ]
        asked = vendor.requests[0]
        assert (asked.path, asked.query["ids"]) == ("/simple/price", "bitcoin,ethereum")
        assert asked.headers["x-cg-demo-api-key"] == KEY


async def test_alpha_vantage_asks_for_each_symbol_in_turn() -> None:
    async with playing(Vendor(answers=[(200, quote(), {})])) as vendor, listening_to(alpha(vendor)) as heard:
        assert await heard.until(2) == [
            Trade("IBM", "alpha_vantage", 13_609_000_000, 0, NOW),
            Trade("AAPL", "alpha_vantage", 13_609_000_000, 0, NOW),
        ]
        assert [request.query["symbol"] for request in vendor.requests[:3]] == ["IBM", "AAPL", "IBM"]


async def test_a_quote_of_an_earlier_day_is_as_old_as_that_days_close() -> None:
    vendor = Vendor(answers=[(200, quote(day="2026-05-29"), {})])
    async with playing(vendor), listening_to(alpha(vendor)) as heard:
        (first, *_) = await heard.until(1)
        assert datetime.fromtimestamp(first.happened / S, UTC) == datetime(2026, 5, 29, 21, tzinfo=UTC)


@pytest.mark.parametrize("word", ["Information", "Note"])
async def test_alpha_vantages_polite_refusal_is_a_reason_to_wait(word: str) -> None:
    polite = {word: f"Our standard rate limit is 25 requests per day; your key is {KEY}"}
    vendor = Vendor(answers=[(200, polite, {}), (200, quote(), {})])
    async with playing(vendor), listening_to(alpha(vendor)) as heard:
        (first, *_) = await heard.until(1)
        assert first.symbol == "AAPL", "the next in turn, or the first would be asked for alone, for good"
        assert heard.source.connections == 2


async def test_the_world_bank_tells_the_newest_figure_of_each_country() -> None:
    answer = figures(("USA", "2024", 29.2), ("DEU", "2024", None))
    async with playing(Vendor(answers=[(200, answer, {})])) as vendor:
        async with listening_to(world_bank(vendor)) as heard:
            (reading,) = await heard.until(1)
            await eventually(lambda: len(vendor.requests) > 2, "it is asked again")
            assert len(heard.records) == 1, "the same figure is not said twice"
        assert (reading.subject, reading.name, reading.value) == ("USA", "SG.GEN.PARL.ZS", Decimal("29.2"))
        assert reading.licence == "CC BY 4.0"
        assert datetime.fromtimestamp(reading.happened / S, UTC).year == 2024
        assert vendor.requests[0].path == "/country/US;DE/indicator/SG.GEN.PARL.ZS"
        assert vendor.requests[0].query["source"] == "75"


async def test_fear_and_greed_is_told_once_a_change() -> None:
    changed = {**INDEX, "data": [{"value": "33", "value_classification": "Fear", "timestamp": "1777334400"}]}
    vendor = Vendor(answers=[(200, INDEX, {}), (200, INDEX, {}), (200, changed, {})])
    async with playing(vendor), listening_to(fear_greed(vendor)) as heard:
        found = await heard.until(2)
        assert [(r.value, r.happened // S) for r in found] == [
            (Decimal(47), 1777248000),
            (Decimal(33), 1777334400),
        ]
        assert {r.licence for r in found} == {"alternative.me: attribution"}


MAKERS = {
    "coingecko": (coingecko, COINS),
    "alpha_vantage": (alpha, quote()),
    "fear_greed": (fear_greed, INDEX),
    "world_bank": (world_bank, figures(("USA", "2024", 29.2))),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "trouble",
    [
        (429, b"", {}),
        (429, b"", {"retry-after": "0"}),
        (500, b"", {}),
        (302, b"", {"location": "http://127.60.255.254:9/"}),
        (200, b"<html>down for maintenance", {}),
        (200, b"", {}),
        (200, b"[]", {}),
        (200, b'{"data":{"a":1}}', {}),
        (200, b"\xff\xfe", {}),
    ],
    ids=["429", "429 with a time", "500", "a redirect", "html", "nothing", "a list", "an object", "no text"],
)
async def test_after_trouble_the_next_answer_is_taken(name: str, trouble: Any) -> None:
    make, good = MAKERS[name]
    vendor = Vendor(answers=[trouble, (200, good, {})])
    async with playing(vendor):
        adapter: Adapter = make(vendor)  # type: ignore[operator]
        async with listening_to(adapter) as heard:
            await heard.until(1)
            assert heard.source.state is State.LIVE
            assert heard.source.connections == 2 or heard.rejections


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_fails_the_source_and_is_shown_to_nobody(name: str, status: int) -> None:
    vendor = Vendor(answers=[(status, f"what is {KEY}?".encode(), {})])
    async with playing(vendor):
        adapter: Adapter = MAKERS[name][0](vendor)  # type: ignore[operator]
        async with listening_to(adapter) as heard:
            await eventually(lambda: heard.source.state is State.FAILED, "it has failed")
            assert heard.source.why == f"{name} refuses the key or the plan ({status})"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("coingecko", {"bitcoin": {"usd": None, "last_updated_at": 1711356300}}),
        ("coingecko", {"bitcoin": {"usd": -1, "last_updated_at": 1711356300}}),
        ("coingecko", {"dogecoin": {"usd": 1, "last_updated_at": 1711356300}}),
        ("coingecko", {"bitcoin": {"usd": 1, "last_updated_at": "now"}}),
        ("alpha_vantage", {"Global Quote": {}}),
        ("alpha_vantage", quote(price="soon")),
        ("alpha_vantage", quote(price="0.0000")),
        ("alpha_vantage", quote(day="yesterday")),
        ("world_bank", figures(("USA", "next year", 1.0))),
        ("world_bank", figures(("", "2024", 1.0))),
        ("fear_greed", {"data": [{"value": "147", "timestamp": "1777248000"}]}),
        ("fear_greed", {"data": [{"value": "47", "timestamp": "-1"}]}),
        ("fear_greed", {"data": [{"value": 47, "timestamp": "1777248000"}]}),
    ],
)
async def test_a_wrong_figure_is_refused_and_the_next_is_taken(name: str, wrong: Any) -> None:
    make, good = MAKERS[name]
    vendor = Vendor(answers=[(200, wrong, {}), (200, good, {})])
    async with playing(vendor):
        adapter: Adapter = make(vendor)  # type: ignore[operator]
        async with listening_to(adapter) as heard:
            await heard.until(1)
            assert heard.rejections[0].reason == "refused"
            assert heard.source.connections == 1


async def test_a_vendor_that_makes_no_sense_any_more_is_left_alone_for_a_while() -> None:
    vendor = Vendor(answers=[(200, b"<html>", {})] * 3 + [(200, INDEX, {})])
    async with playing(vendor), listening_to(fear_greed(vendor)) as heard:
        await heard.until(1)
        assert heard.source.connections == 2


async def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("richesreach.core.vendors.http.MOST_ANSWER", 10_000)
    vendor = Vendor(answers=[(200, b" " * 1_000_000, {}), (200, INDEX, {})])
    async with playing(vendor), listening_to(fear_greed(vendor)) as heard:
        await heard.until(1)
        assert heard.source.connections == 2


async def ignore(_records: Sequence[Record]) -> None: ...


@pytest.mark.parametrize("about", DECLARED, ids=lambda about: about.name)
async def test_a_declared_source_asks_nobody_even_with_a_key(about: About) -> None:
    assert about.key_variable is not None
    why = why_disabled(about, "prod", {about.key_variable: "a key"})
    assert why.startswith("declared only: ")
    source = Source(Declared(about), ignore, disabled=why)
    await source.run()
    assert (source.state, source.why, source.connections) == (State.DISABLED, why, 0)
    with pytest.raises(SourceRefusedError, match="under a contract"):
        await anext(Declared(about).records(Pace(about.pace), lambda _rejection: None))


@pytest.mark.parametrize(
    "wrong", [{}, {"aapl": "AAPL"}, {"A": ""}, {"A": "X,Y"}, {"A": "X", "B": "X"}, {"A" * 33: "X"}]
)
def test_symbols_that_cannot_be_asked_for_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(SymbolError):
        vendor_symbols(wrong)


@pytest.mark.parametrize(
    ("country", "year", "value"),
    [
        ("XAA", "2024", "1"),
        ("USA", "01970000", "1"),
        ("USA", "2200", "1"),
        ("USA", "2024", "1e30000000"),
        ("USA", "2024", "1e-30000000"),
    ],
    ids=["not asked for", "no year", "too late", "too large", "too small"],
)
async def test_a_figure_that_cannot_be_takes_no_other_with_it(country: str, year: str, value: str) -> None:
    head, rows = figures(("USA", "2023", 1.5), (country, year, 7777.0), ("DEU", "2024", 2.5))
    body = json.dumps([head, rows]).replace("7777.0", value).encode()
    vendor = Vendor(answers=[(200, body, {})])
    async with playing(vendor), listening_to(world_bank(vendor)) as heard:
        found = await heard.until(2)
        assert [(one.subject, one.value) for one in found] == [
            ("USA", Decimal("1.5")),
            ("DEU", Decimal("2.5")),
        ]
        assert heard.rejections[0].reason == "refused"
