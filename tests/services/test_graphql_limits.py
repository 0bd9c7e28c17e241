"""Documents that ask too much are refused before anything is done, each with a 4xx and a code."""

import json
from collections.abc import AsyncIterator

import pytest
from asking import Asker, asking
from gateway_task import Environment
from prometheus_client.parser import text_string_to_metric_families
from richesreach.gateway.graphql import limits

DEEP = '{ symbol(name: "AAPL") { ' + "signals { symbol { " * 6 + "name" + " } }" * 6 + " } }"
CIRCLE = 'query { symbol(name: "AAPL") { ...A } } fragment A on Symbol { signals { symbol { ...A } } }'
# Each fragment spreads the next one twice: 2^20 fields from a few hundred bytes.
DOUBLING = (
    '{ symbol(name: "AAPL") { ...F0 } }'
    + "".join(f" fragment F{n} on Symbol {{ ...F{n + 1} a: id ...F{n + 1} }}" for n in range(20))
    + " fragment F20 on Symbol { id }"
)
BOMBS = {
    "deep": (DEEP, "TOO_DEEP"),
    "brackets": ("{a" * 400 + "}" * 400, "TOO_DEEP"),
    "lists in an argument": ("{ symbol(name: " + "[" * 5000 + "]" * 5000 + ") { id } }", "TOO_DEEP"),
    "lists of lists in a type": (
        "query ($a: " + "[" * 300 + "Int" + "]" * 300 + ") { engines { id } }",
        "TOO_DEEP",
    ),
    "aliases": ("{ " + " ".join(f"a{n}: engines {{ id }}" for n in range(31)) + " }", "TOO_MANY_ALIASES"),
    "doubling fragments": (DOUBLING, "TOO_MANY_ALIASES"),
    "fields": ('{ symbol(name: "AAPL") { ' + "id " * 400 + "} }", "TOO_MANY_FIELDS"),
    "tokens": (
        "{ engines { id } " + "# \n" + ", " * 10 + "engines { id } " * 400 + "}",
        "DOCUMENT_TOO_LARGE",
    ),
    "directives": ("{ engines { id " + "@skip(if: false) " * 400 + "} }", "DOCUMENT_TOO_LARGE"),
    "a circle of fragments": (CIRCLE, "GRAPHQL_VALIDATION_FAILED"),
    "cost": (
        "{ symbols(first: 100) { edges { node { priceHistory(limit: 100) { price } } } } }",
        "TOO_COSTLY",
    ),
    "cost by a huge number": ("{ symbols(first: 2147483647) { edges { cursor } } }", "TOO_COSTLY"),
    "no field": ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    "no document": ("}{", "GRAPHQL_PARSE_FAILED"),
    "NUL": ("{ \x00 }", "GRAPHQL_PARSE_FAILED"),
    "half a surrogate pair": ('{ symbol(name: "\\ud800") { id } }', "GRAPHQL_PARSE_FAILED"),
    "only a fragment": ("fragment A on Symbol { id }", "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.fixture
async def ask(environment: Environment) -> AsyncIterator[Asker]:
    async with asking(environment) as found:
        yield found


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_refused_as_a_problem_that_graphql_clients_read(ask: Asker, bomb: str) -> None:
    document, code = BOMBS[bomb]
    response = await ask.post(document)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    problem = response.json()
    assert problem["errors"][0]["extensions"]["code"] == code
    assert (problem["status"], problem["instance"]) == (400, "/graphql")
    assert "Traceback" not in response.text


async def test_a_document_of_a_megabyte_is_too_large(ask: Asker) -> None:
    response = await ask.post("{ engines { id } } #" + "x" * 1_000_000)
    assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")


async def test_a_document_that_is_long_without_tokens_is_too_large(ask: Asker) -> None:
    response = await ask.post("{ engines { id } } #" + "x" * limits.MAX_BYTES)
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_TOO_LARGE"


async def test_cost_follows_the_variables(ask: Asker) -> None:
    query = "query ($n: Int! = 3) { symbols(first: $n) { edges { cursor } } }"
    costs = [
        (await ask.post(query, variables)).headers["x-richesreach-cost"]
        for variables in ({"n": 100}, {}, {"n": 1})
    ]
    # One for the field, and for each edge itself and its cursor.
    assert costs == ["201", "7", "3"]
    assert (await ask.post(query, {"n": 5000})).json()["errors"][0]["extensions"]["code"] == "TOO_COSTLY"


async def test_fragments_cost_wherever_they_are_spread(ask: Asker) -> None:
    query = """{ symbol(name: "AAPL") { ...H } symbols(first: 10) { edges { node { ...H } } } }
        fragment H on Symbol { priceHistory(limit: 5) { price } }"""
    # Of one symbol 1 + 5 times 2; of ten, each with its edge and itself.
    assert (await ask.post(query)).headers["x-richesreach-cost"] == str(1 + 10 + 1 + 10 * (1 + 1 + 10))


async def test_a_costly_operation_takes_more_of_its_callers_limit(environment: Environment) -> None:
    tight = {**environment, "RATE_LIMIT_TIERS": "anonymous=10/60,key=10/60", "TRUSTED_PROXIES": "127.0.0.0/8"}
    costly = "{ symbols(first: 50) { edges { node { priceHistory(limit: 10) { price } } } } }"
    async with asking(tight) as ask:
        first = await ask.post(costly, headers={"x-forwarded-for": "192.0.2.1, 198.51.100.1"})
        second = await ask.post(costly, headers={"x-forwarded-for": "192.0.2.1, 198.51.100.1"})
        third = await ask.post(costly, headers={"x-forwarded-for": "192.0.2.1, 198.51.100.1"})
    weight = limits.weight(int(first.headers["x-richesreach-cost"]))
    assert weight == 5
    assert (first.status_code, first.headers["ratelimit-remaining"]) == (200, "5")
    assert (second.status_code, second.headers["ratelimit-remaining"]) == (200, "0")
    assert (third.status_code, "retry-after" in third.headers) == (429, True)


async def test_introspection_is_for_environments_that_are_not_prod(environment: Environment) -> None:
    query = "{ __schema { types { name } } }"
    async with asking({**environment, "ENVIRONMENT": "prod"}) as ask:
        refused = await ask.post(query)
        hidden = await ask.post('{ a: __type(name: "Symbol") { name } }')
        behind = await ask.post("query { ...A } fragment A on Query { __schema { description } }")
        named = await ask.data("{ __typename }")
        guessed = await ask.post("{ engine }")
        editor = await ask.http.get("/graphql", headers={"accept": "text/html"})
    for response in (refused, hidden, behind):
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_DISABLED"
    assert named == {"__typename": "Query"}
    assert "Did you mean" not in guessed.text
    assert editor.status_code == 400
    async with asking(environment) as ask:
        assert (await ask.post(query)).status_code == 200
        editor = await ask.http.get("/graphql", headers={"accept": "text/html"})
    assert editor.headers["content-type"].startswith("text/html")


async def test_what_is_refused_is_counted(ask: Asker) -> None:
    await ask.post(DEEP)
    await ask.post('{ performance(symbol: "NOSUCH") { winRate } }')
    exposed = (await ask.http.get("/metrics/")).text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }

    def errors(status: str) -> float:
        labels = (("endpoint", "/graphql"), ("method", "POST"), ("status", status))
        return samples.get(("richesreach_api_errors_total", *labels), 0)

    assert (errors("400"), errors("404")) == (1, 1)
    assert samples["richesreach_graphql_errors_total", ("code", "TOO_DEEP")] == 1
    assert samples["richesreach_graphql_errors_total", ("code", "NOT_FOUND")] == 1


async def test_operations_are_labelled_by_the_schemas_own_names(ask: Asker) -> None:
    await ask.post("query RandomName123 { engines { id } }")
    await ask.post("query { a: engines { id } __typename }")
    await ask.post('{ engines { id } symbol(name: "AAPL") { id } }')
    exposed = (await ask.http.get("/metrics/")).text
    labels = {
        sample.labels["operation"]
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
        if sample.name == "richesreach_graphql_operations_total"
    }
    assert labels == {"engines", "several"}


@pytest.mark.parametrize(
    "variables",
    [{"n": 10**30}, {"n": "5"}, {"n": None}, {"n": [[[1]]]}, {"n": 2**31}, {"n": 1.5}, {"n": True}],
)
async def test_variables_of_the_wrong_form_are_bad_input(ask: Asker, variables: dict[str, object]) -> None:
    query = "query ($n: Int!) { signals(limit: $n) { id } }"
    response = await ask.post(query, variables)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "TOO_COSTLY"}


@pytest.mark.parametrize("text", ["A\x00B", "\ud800", "A" * 10_000, "'; drop table market_symbols; --", "🦄"])
async def test_strange_names_of_symbols_are_unknown(ask: Asker, text: str) -> None:
    body = json.dumps({"query": "query ($s: String!) { symbol(name: $s) { id } }", "variables": {"s": text}})
    response = await ask.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    if text == "\ud800":  # what is no text in UTF-8 is no JSON either
        assert response.status_code == 400
    else:
        assert (response.status_code, response.json()) == (200, {"data": {"symbol": None}})
