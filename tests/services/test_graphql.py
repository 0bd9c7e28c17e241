"""What GraphQL answers: the market, and what its users own."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
import token_issuer
from asking import Asker, asking, somebody
from gateway_task import Environment, task_environment
from graphql import GraphQLObjectType, build_schema
from postgres_servers import PostgresCluster
from richesreach.gateway.graphql.schema import SCHEMA
from token_issuer import Issuer

# What the requirements name, as they write it.
REQUIRED = """
    scalar DateTime
    type PricePoint { price: Float! }
    type Engine { id: ID! }
    enum Direction { BUY }
    type Symbol {
      id: ID!
      name: String!
      currentPrice: Float!
      priceHistory: [PricePoint!]!
      signals: [Signal!]!
      performance: PerformanceMetrics!
    }
    type Signal {
      id: ID!
      symbol: Symbol!
      direction: Direction!
      confidence: Float!
      engine: String!
      timestamp: DateTime!
    }
    type PerformanceMetrics {
      sharpeRatio: Float!
      winRate: Float!
      totalTrades: Int!
      totalPnL: Float!
      maxDrawdown: Float!
    }
    type Query {
      symbol(name: String!): Symbol
      signals(symbol: String, limit: Int): [Signal!]!
      performance(symbol: String!): PerformanceMetrics!
      engines: [Engine!]!
    }
"""
CREATE = """
    mutation ($input: WatchlistInput!, $key: String) {
      createWatchlist(input: $input, idempotencyKey: $key) { id name symbols { name currentPrice } }
    }
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with token_issuer.issuer() as started:
        yield started


@pytest.fixture
async def ask(environment: Environment, database: PostgresCluster, issuer: Issuer) -> AsyncIterator[Asker]:
    database.replicated()
    async with asking(environment, issuer) as found:
        yield found


@pytest.mark.parametrize("name", ["Symbol", "Signal", "PerformanceMetrics", "Query"])
def test_the_schema_has_what_the_requirements_name(name: str) -> None:
    wanted, served = build_schema(REQUIRED).type_map[name], SCHEMA._schema.type_map[name]
    assert isinstance(wanted, GraphQLObjectType)
    assert isinstance(served, GraphQLObjectType)
    for field, definition in wanted.fields.items():
        assert str(served.fields[field].type) == str(definition.type)
        for argument, said in definition.args.items():
            assert str(served.fields[field].args[argument].type) == str(said.type)
        optional = served.fields[field].args.keys() - definition.args.keys()
        assert all(served.fields[field].args[name].default_value is not None for name in optional)
    if name != "Query":
        assert served.fields.keys() == wanted.fields.keys()


async def test_a_symbol_answers_all_its_fields(ask: Asker) -> None:
    found = await ask.data(
        """{ symbol(name: "aapl") {
            id name currentPrice
            priceHistory(limit: 3) { symbol timestamp price open high low volume source }
            signals(limit: 2) { id direction confidence engine timestamp symbol { name } }
            performance { sharpeRatio winRate totalTrades totalPnL maxDrawdown }
        } }"""
    )
    symbol = found["symbol"]
    assert (symbol["id"], symbol["name"]) == ("AAPL", "AAPL")
    assert symbol["currentPrice"] > 0
    assert {point["source"] for point in symbol["priceHistory"]} == {"generated"}
    times = [point["timestamp"] for point in symbol["priceHistory"]]
    assert (len(times), times) == (3, sorted(times))
    assert [signal["symbol"]["name"] for signal in symbol["signals"]] == ["AAPL", "AAPL"]
    assert isinstance(symbol["performance"]["totalTrades"], int)


async def test_an_unknown_symbol_is_null(ask: Asker) -> None:
    assert await ask.data('{ symbol(name: "NOSUCH") { name } }') == {"symbol": None}
    assert await ask.data('{ symbol(name: "no such thing") { name } }') == {"symbol": None}


async def test_performance_of_an_unknown_symbol_is_not_found(ask: Asker) -> None:
    (error,) = await ask.errors('{ performance(symbol: "NOSUCH") { winRate } }')
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["path"] == ["performance"]


async def test_signals_of_all_symbols_are_the_newest(ask: Asker) -> None:
    found = (await ask.data("{ signals(limit: 60) { timestamp symbol { name } } }"))["signals"]
    times = [signal["timestamp"] for signal in found]
    assert (len(found), times) == (60, sorted(times, reverse=True))
    assert len({signal["symbol"]["name"] for signal in found}) > 1


async def test_engines_are_listed(ask: Asker) -> None:
    found = await ask.data("{ engines { id name version enabled description } }")
    assert [engine["id"] for engine in found["engines"]] == ["breakout", "mean-reversion", "trend"]


async def test_pages_of_symbols_hold_each_once(ask: Asker) -> None:
    query = """query ($after: String) {
        symbols(first: 7, after: $after) { edges { cursor node { name } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
    }"""
    names, after, pages = [], None, []
    while True:
        page = (await ask.data(query, {"after": after}))["symbols"]
        names += [edge["node"]["name"] for edge in page["edges"]]
        pages.append(page["pageInfo"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == sorted(set(names))
    assert len(names) == 16
    assert [page["hasPreviousPage"] for page in pages] == [False, True, True]
    assert pages[-1]["startCursor"] is not None


async def test_a_cursor_of_another_list_is_bad_input(ask: Asker) -> None:
    (error,) = await ask.errors('{ symbols(after: "WyJhbGVydCIsIkEiXQ") { edges { cursor } } }')
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_many_symbols_are_few_questions_to_the_database(ask: Asker) -> None:
    domain = ask.http._transport.app.state.domain  # type: ignore[attr-defined]
    database, asked = domain.market._store._database, []
    await ask.http._transport.app.state.platform.cache.invalidate(  # type: ignore[attr-defined]
        kinds=["prices", "static", "metrics", "predictions"]
    )
    read = database.read

    async def counted(work):  # type: ignore[no-untyped-def]
        asked.append(work)
        return await read(work)

    database.read = counted
    await ask.data("{ symbols { edges { node { name currentPrice performance { winRate } } } } }")
    # The page, the prices, the performances; what misses the cache apart may be asked for apart.
    assert len(asked) <= 6


async def test_nobody_has_no_watchlists(ask: Asker) -> None:
    (error,) = await ask.errors("{ watchlists { edges { node { name } } } }")
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_watchlist_is_made_read_changed_and_deleted(ask: Asker) -> None:
    ann = somebody()
    new = {"input": {"name": "Chips", "symbols": ["NVDA", "asml"]}}
    made = (await ask.data(CREATE, new, subject=ann))["createWatchlist"]
    assert [symbol["name"] for symbol in made["symbols"]] == ["NVDA", "ASML"]
    changed = await ask.data(
        """mutation ($id: ID!) { changeWatchlist(id: $id, input: {symbols: ["SAP"]}) {
            name symbols { name } } }""",
        {"id": made["id"]},
        subject=ann,
    )
    assert changed["changeWatchlist"] == {"name": "Chips", "symbols": [{"name": "SAP"}]}
    query = "{ watchlists { edges { node { id name } } } }"
    headers = {"x-richesreach-wrote": ""}
    gone = await ask.data(
        "mutation ($id: ID!) { deleteWatchlist(id: $id) }", {"id": made["id"]}, subject=ann, headers=headers
    )
    assert gone == {"deleteWatchlist": made["id"]}
    assert (await ask.data(query, subject=ann))["watchlists"]["edges"] == []


async def test_a_caller_reads_what_it_has_just_written(ask: Asker) -> None:
    ann = somebody()
    response = await ask.post(CREATE, {"input": {"name": "Mine", "symbols": []}}, subject=ann)
    wrote = {"x-richesreach-wrote": response.headers["x-richesreach-wrote"]}
    found = await ask.data("{ watchlists { edges { node { name } } } }", subject=ann, headers=wrote)
    assert [edge["node"]["name"] for edge in found["watchlists"]["edges"]] == ["Mine"]


async def test_a_mutation_sent_again_with_its_key_is_done_once(ask: Asker) -> None:
    ann, asked = somebody(), {"input": {"name": "Once", "symbols": ["AAPL"]}, "key": "k-1"}
    first = await ask.data(CREATE, asked, subject=ann)
    assert await ask.data(CREATE, asked, subject=ann) == first
    (error,) = await ask.errors(CREATE, {**asked, "input": {"name": "Two", "symbols": []}}, subject=ann)
    assert error["extensions"]["code"] == "CONFLICT"


async def test_an_alert_keeps_its_threshold_exactly(ask: Asker) -> None:
    ann = somebody()
    made = await ask.data(
        """mutation { createAlert(input: {symbol: "BTC-USD", condition: ABOVE, threshold: "70000.12345678"}) {
            id threshold active symbol { name } } }""",
        subject=ann,
    )
    assert Decimal(made["createAlert"]["threshold"]) == Decimal("70000.12345678")
    changed = await ask.data(
        "mutation ($id: ID!) { changeAlert(id: $id, input: {active: false}) { active threshold } }",
        {"id": made["createAlert"]["id"]},
        subject=ann,
    )
    assert changed["changeAlert"] == {"active": False, "threshold": made["createAlert"]["threshold"]}


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        ('createWatchlist(input: {name: "", symbols: []}) { id }', "BAD_USER_INPUT"),
        ('createWatchlist(input: {name: "X", symbols: ["NOSUCH"]}) { id }', "NOT_FOUND"),
        ('deleteWatchlist(id: "not-an-id")', "NOT_FOUND"),
        ('deleteAlert(id: "7b1c4a6e-6f0d-4e57-9c1b-5d4f3e2a1b0c")', "NOT_FOUND"),
        ('createAlert(input: {symbol: "AAPL", condition: ABOVE, threshold: "-1"}) { id }', "BAD_USER_INPUT"),
        ('createAlert(input: {symbol: "AAPL", condition: ABOVE, threshold: "NaN"}) { id }', "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_done_says_why(ask: Asker, mutation: str, code: str) -> None:
    (error,) = await ask.errors(f"mutation {{ {mutation} }}", subject=somebody())
    assert error["extensions"]["code"] == code
    assert error["extensions"]["requestId"]


async def test_another_subject_can_neither_see_nor_change(ask: Asker) -> None:
    made = await ask.data(CREATE, {"input": {"name": "Mine", "symbols": []}}, subject=somebody())
    (error,) = await ask.errors(
        'mutation ($id: ID!) { changeWatchlist(id: $id, input: {name: "Hers"}) { id } }',
        {"id": made["createWatchlist"]["id"]},
        subject=somebody(),
    )
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_role_without_the_scope_is_forbidden(ask: Asker) -> None:
    headers = ask.bearer(somebody(), "service")
    (error,) = await ask.errors(CREATE, {"input": {"name": "X", "symbols": []}}, headers=headers)
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_failure_of_ours_tells_nothing_but_where_to_look(ask: Asker) -> None:
    domain = ask.http._transport.app.state.domain  # type: ignore[attr-defined]

    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    domain.market._store.engines = broken
    await ask.http._transport.app.state.platform.cache.invalidate(kinds=["static"])  # type: ignore[attr-defined]
    response = await ask.post("{ engines { name } }", headers={"x-request-id": "find-me"})
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "find-me"}


async def test_without_a_database_the_answer_is_unavailable_and_says_to_come_again() -> None:
    async with asking(task_environment(None, None)) as ask:
        response = await ask.post("{ signals { id } }")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert response.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
