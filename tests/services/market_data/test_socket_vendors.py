"""Massive and Finnhub, played by servers with their recorded shapes, friendly and hostile."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from richesreach.core.vendors.pace import Backoff, Pace
from richesreach.market_data.intake import Intake
from richesreach.market_data.model import Record, State, Trade
from richesreach.market_data.recovery import Missed
from richesreach.market_data.source import Source
from richesreach.market_data.sources import massive, massive_pages
from richesreach.market_data.sources.finnhub import Finnhub
from richesreach.market_data.sources.massive import Massive
from richesreach.market_data.sources.reading import MOST_NONSENSE
from stream_client import eventually
from vendors import QUICK, Call, Talk, Vendor, listening_to, playing

MS = 1_672_348_887_195
KEY = "a-key-that-nobody-may-see"


def finnhub_trade(*prices: float, symbol: str = "AAPL", at: int = MS) -> dict[str, Any]:
    data = [{"c": ["1", "24"], "p": price, "s": symbol, "t": at, "v": 10} for price in prices]
    return {"data": data, "type": "trade"}


def massive_trade(number: int, price: float = 192.31, **changed: Any) -> dict[str, Any]:
    found = {"ev": "T", "sym": "AAPL", "x": 4, "i": "12345", "z": 3, "p": price, "s": 100, "c": [12]}
    return {**found, "t": MS + number, "q": number, **changed}


def massive_result(number: int, price: float = 192.31) -> dict[str, Any]:
    found = {"conditions": [12], "exchange": 4, "id": "1", "price": price, "size": 100, "tape": 3}
    return {**found, "sip_timestamp": (MS + number) * 1_000_000, "sequence_number": number}


def finnhub_says(*said: Any, stays: bool = True) -> Talk:
    async def talk(call: Call) -> None:
        assert await call.hear() == {"type": "subscribe", "symbol": "AAPL"}
        await call.say(*said)
        await (call.stay() if stays else call.socket.close())

    return talk


def massive_says(*said: Any, stays: bool = True) -> Talk:
    async def talk(call: Call) -> None:
        await call.say([{"ev": "status", "status": "connected", "message": "Connected Successfully"}])
        assert await call.hear() == {"action": "auth", "params": KEY}
        await call.say([{"ev": "status", "status": "auth_success", "message": "authenticated"}])
        assert await call.hear() == {"action": "subscribe", "params": "T.AAPL"}
        await call.say([{"ev": "status", "status": "success", "message": "subscribed to: T.AAPL"}])
        await call.say(*said)
        await (call.stay() if stays else call.socket.close())

    return talk


def finnhub_at(vendor: Vendor) -> Finnhub:
    return Finnhub(["AAPL"], KEY, vendor.url)


def massive_at(vendor: Vendor) -> Massive:
    return Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url)


async def test_finnhub_tells_trades() -> None:
    vendor = Vendor([finnhub_says({"type": "ping"}, finnhub_trade(129.58, 129.575))])
    async with playing(vendor), listening_to(finnhub_at(vendor)) as heard:
        assert await heard.until(2) == [
            Trade("AAPL", "finnhub", 12_958_000_000, 1_000_000_000, MS * 1_000_000),
            Trade("AAPL", "finnhub", 12_957_500_000, 1_000_000_000, MS * 1_000_000),
        ]
        assert heard.source.state is State.LIVE


async def test_massive_tells_trades_with_its_own_numbers() -> None:
    fractional = massive_trade(9, ds="0.25", s=0)
    vendor = Vendor([massive_says([massive_trade(7), fractional])])
    async with playing(vendor), listening_to(massive_at(vendor)) as heard:
        assert await heard.until(2) == [
            Trade("AAPL", "massive-4", 19_231_000_000, 10_000_000_000, (MS + 7) * 1_000_000, 7),
            Trade("AAPL", "massive-4", 19_231_000_000, 25_000_000, (MS + 9) * 1_000_000, 9),
        ]


async def test_a_frame_of_finnhub_that_comes_again_is_not_said_again() -> None:
    one, other = finnhub_trade(129.58, 129.58), finnhub_trade(130.0)
    async with playing(Vendor([finnhub_says(one, one, other, one)])) as vendor:
        adapter = finnhub_at(vendor)
        async with listening_to(adapter) as heard:
            await heard.until(3)
            await eventually(lambda: adapter.repeated == 2, "both repeated frames are seen")
            assert len(heard.records) == 3, "two equal trades in one frame are two trades"


async def test_after_a_cut_massive_is_asked_for_what_was_missed() -> None:
    first, second = massive_says([massive_trade(1)], stays=False), massive_says([massive_trade(4)])
    page = {"results": [massive_result(1), massive_result(2)], "status": "OK"}
    answers: list[Any] = [(200, page, {}), (200, {"results": [massive_result(3)], "status": "OK"}, {})]
    vendor = Vendor([first, second], answers)
    async with playing(vendor), listening_to(massive_at(vendor)) as heard:
        page["next_url"] = f"{vendor.url}/v3/trades/AAPL?cursor=abc"
        found = await heard.until(5)
        assert [trade.number for trade in found] == [1, 1, 2, 3, 4]
        asked = vendor.requests[0]
        assert asked.path == "/v3/trades/AAPL"
        assert asked.query["timestamp.gte"] == str((MS + 1) * 1_000_000)
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert heard.source.adapter.gaps == []  # type: ignore[attr-defined]


async def test_massive_is_asked_over_rest_once_it_has_confirmed_the_subscription() -> None:
    confirmed = False
    first = massive_says([massive_trade(1)], stays=False)

    async def slow(call: Call) -> None:
        nonlocal confirmed
        await call.hear()
        await call.say([{"ev": "status", "status": "auth_success"}])
        await call.hear()
        await call.say([massive_trade(4)])
        await asyncio.sleep(0.3)
        confirmed = vendor.requests == []
        await call.say([{"ev": "status", "status": "success", "message": "subscribed to: T.AAPL"}])
        await call.stay()

    page = {"results": [massive_result(2)], "status": "OK"}
    vendor = Vendor([first, slow], [(200, page, {})])
    async with playing(vendor), listening_to(massive_at(vendor)) as heard:
        found = await heard.until(3)
    assert confirmed, "nothing is asked before"
    assert [trade.number for trade in found] == [1, 2, 4], "what came meanwhile comes after what was missed"


async def test_massive_that_confirms_no_subscription_is_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(massive, "CONFIRMED", 0.05)

    async def silent(call: Call) -> None:
        await call.hear()
        await call.say([{"ev": "status", "status": "auth_success"}])
        await call.hear()
        await eventually(lambda: bool(vendor.requests), "it is asked")
        await call.say([massive_trade(4)])
        await call.stay()

    page = {"results": [massive_result(2)], "status": "OK"}
    vendor = Vendor([massive_says([massive_trade(1)], stays=False), silent], [(200, page, {})])
    async with playing(vendor), listening_to(massive_at(vendor)) as heard:
        assert [trade.number for trade in await heard.until(3)] == [1, 2, 4]


async def test_massive_is_not_heard_until_all_that_it_told_again_is_taken() -> None:
    back, while_taken = list[int](), list[int]()

    async def again(call: Call) -> None:
        back.append(time.time_ns())
        await massive_says([massive_trade(4)])(call)

    async def take(found: Sequence[Record]) -> None:
        if isinstance(found, Missed):
            while_taken.append(adapter.heard)

    page = {"results": [massive_result(2)], "status": "OK"}
    vendor = Vendor([massive_says([massive_trade(1)], stays=False), again], [(200, page, {})])

    async with playing(vendor):
        adapter = massive_at(vendor)
        source = Source(adapter, take, backoff=Backoff(first=0.01, longest=0.05), pace=Pace(QUICK))
        task = asyncio.create_task(source.run())
        await eventually(lambda: source.records == 3, "it is heard again")
        source.end()
        await asyncio.wait_for(task, 30)
    assert 0 < while_taken[0] < back[0] < adapter.heard


@pytest.mark.parametrize(
    "answer",
    [
        (403, {"status": "NOT_AUTHORIZED"}, {}),
        (500, b"", {}),
        (200, b"<html>", {}),
    ],
    ids=["not in the plan", "broken", "garbage"],
)
async def test_a_gap_that_cannot_be_filled_is_told_and_trades_go_on(answer: Any) -> None:
    vendor = Vendor(
        [massive_says([massive_trade(1)], stays=False), massive_says([massive_trade(4)])], [answer]
    )
    async with playing(vendor):
        adapter = massive_at(vendor)
        async with listening_to(adapter) as heard:
            await eventually(lambda: bool(heard.records) and heard.records[-1].number == 4, "trades go on")
            (gap,) = adapter.gaps
            assert (gap.source, gap.named) == ("massive", ["AAPL"])
            assert gap.since < gap.until


@pytest.mark.parametrize("how", ["a next page", "a redirect"])
async def test_the_key_is_shown_to_nobody_else(how: str) -> None:
    thief = Vendor(answers=[(200, {"results": []}, {})])
    vendor = Vendor([massive_says([massive_trade(1)], stays=False), massive_says([massive_trade(4)])])
    async with playing(thief), playing(vendor):
        elsewhere = str(thief.url / "v3" / "trades" / "AAPL")
        vendor.answers = [
            (200, {"results": [massive_result(2)], "next_url": elsewhere}, {})
            if how == "a next page"
            else (302, b"", {"location": elsewhere})
        ]
        adapter = massive_at(vendor)
        async with listening_to(adapter) as heard:
            await eventually(lambda: bool(heard.records) and heard.records[-1].number == 4, "trades go on")
        assert thief.requests == []
        assert len(adapter.gaps) == 1


async def test_pages_without_end_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(massive_pages, "MOST_PAGES", 3)
    vendor = Vendor([massive_says([massive_trade(1)], stays=False), massive_says([massive_trade(4)])])
    async with playing(vendor):
        vendor.answers = [(200, {"results": [], "next_url": f"{vendor.url}/v3/trades/AAPL"}, {})]
        async with listening_to(massive_at(vendor)) as heard:
            await heard.until(2)
            assert len(vendor.requests) == 3
            assert "pages" in heard.source.adapter.gaps[0].why  # type: ignore[attr-defined]


async def test_massive_refusing_the_key_ends_the_source_and_shows_it_to_nobody() -> None:
    async def refuse(call: Call) -> None:
        await call.hear()
        await call.say([{"ev": "status", "status": "auth_failed", "message": f"unknown key {KEY}"}])

    async with playing(Vendor([refuse])) as vendor, listening_to(massive_at(vendor)) as heard:
        await eventually(lambda: heard.source.state is State.FAILED, "the source has failed")
        assert heard.source.why == "massive refuses the key"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_handshake_ends_the_source(status: int) -> None:
    vendor = Vendor()

    async def refuse(_request: Any) -> Any:
        return web.Response(status=status)

    vendor.handle = refuse  # type: ignore[method-assign]
    async with playing(vendor), listening_to(finnhub_at(vendor)) as heard:
        await eventually(lambda: heard.source.state is State.FAILED, "the source has failed")
        assert KEY not in heard.source.why


@pytest.mark.parametrize("kind", ["finnhub", "massive"])
@pytest.mark.parametrize("how", ["a cut", "a close", "bytes", "a frame too large"])
async def test_after_every_kind_of_end_it_is_back(kind: str, how: str) -> None:
    says, at = (finnhub_says, finnhub_at) if kind == "finnhub" else (massive_says, massive_at)
    trade: Any = finnhub_trade(1.5) if kind == "finnhub" else [massive_trade(1)]

    async def end(call: Call) -> None:
        await says(trade, stays=False)(call) if how == "a close" else None
        if how == "bytes":
            await call.say(b"\x00\xff")
        if how == "a frame too large":
            await call.say("x" * 5_000_000)
        if how == "a cut":
            call.cut()
        else:
            await call.stay()

    vendor = Vendor([end, end, says(trade)], [(200, {"results": []}, {})])
    async with playing(vendor), listening_to(at(vendor)) as heard:
        await eventually(lambda: vendor.calls == 3 and heard.source.state is State.LIVE, "it is back")
        assert heard.source.connections == 3


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("not json", "undecodable"),
        ('{"type":"trade","data":', "undecodable"),
        ("[]", "undecodable"),
        ("null", "undecodable"),
        (finnhub_trade(0.0), "refused"),
        (finnhub_trade(-5), "refused"),
        (finnhub_trade(1e300), "refused"),
        (finnhub_trade(1.0, symbol="NOBODY-ASKED"), "refused"),
        (finnhub_trade(1.0, at=1_672_348_887), "refused"),
        ({"type": "trade", "data": [{"p": "12", "s": "AAPL", "t": MS, "v": 1}]}, "refused"),
        ({"type": "trade", "data": [{"p": 12, "s": None, "t": MS, "v": 1}]}, "refused"),
        ({"type": "trade", "data": [{"p": 12, "s": "AAPL", "t": 1.5, "v": 1}]}, "refused"),
        ({"type": "trade", "data": [None]}, "refused"),
    ],
)
async def test_what_is_wrong_is_rejected_by_reason_and_the_next_trade_is_taken(
    wrong: Any, reason: str
) -> None:
    vendor = Vendor([finnhub_says(wrong, finnhub_trade(1.5))])
    async with playing(vendor), listening_to(finnhub_at(vendor)) as heard:
        await heard.until(1)
        assert heard.records == [Trade("AAPL", "finnhub", 150_000_000, 1_000_000_000, MS * 1_000_000)]
        assert heard.rejections[0].reason == reason
        assert heard.rejections[0].said
        assert heard.source.connections == 1


async def test_sound_trades_beside_a_wrong_one_are_taken() -> None:
    said = [massive_trade(1), massive_trade(2, p="cheap"), massive_trade(3, x=-1), massive_trade(4)]
    async with playing(Vendor([massive_says(said)])) as vendor, listening_to(massive_at(vendor)) as heard:
        assert [trade.number for trade in await heard.until(2)] == [1, 4]
        assert [rejection.reason for rejection in heard.rejections] == ["refused", "refused"]


async def test_a_flood_of_nonsense_ends_the_connection() -> None:
    nonsense = finnhub_says(*["]["] * (MOST_NONSENSE + 10))
    vendor = Vendor([nonsense, finnhub_says(finnhub_trade(1.5))])
    async with playing(vendor), listening_to(finnhub_at(vendor)) as heard:
        await heard.until(1)
        assert heard.source.connections == 2
        assert heard.source.rejected["undecodable"] == MOST_NONSENSE


async def test_a_flood_of_trades_is_taken_whole_and_in_order() -> None:
    flood = [json.dumps([massive_trade(100 * n + i) for i in range(100)]) for n in range(200)]
    async with playing(Vendor([massive_says(*flood)])) as vendor, listening_to(massive_at(vendor)) as heard:
        found = await heard.until(20_000)
        assert [trade.number for trade in found] == list(range(20_000))


async def test_duplicated_and_late_trades_come_out_once_each() -> None:
    numbers = [1, 2, 2, 5, 3, 1, 5, 4]
    said = [[massive_trade(number, t=MS + 10_000 * number)] for number in numbers]
    async with playing(Vendor([massive_says(*said)])) as vendor, listening_to(massive_at(vendor)) as heard:
        trades = await heard.until(len(numbers))
        intake = Intake(massive.ABOUT)
        ticks = [tick for _, tick in intake.ticks(trades)]
    assert [tick.q for tick in ticks] == [1, 2, 3, 4, 5]
    assert [(tick.t // 1_000_000 - MS) // 10_000 for tick in ticks] == [1, 2, 5, 3, 4]
    assert (intake.counts.duplicates, intake.counts.late) == (3, 2)
