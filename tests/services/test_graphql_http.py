"""GraphQL over HTTP: forms of requests, persisted queries, caching, and what is kept."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from asking import Asker, asking
from gateway_task import Environment
from richesreach.gateway.graphql import execution, persisted

ENGINES = "{ engines { id name } }"
JSON = {"content-type": "application/json"}


@pytest.fixture
async def ask(environment: Environment) -> AsyncIterator[Asker]:
    async with asking(environment) as found:
        yield found


def hashed(query: str) -> dict[str, Any]:
    digest = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


async def get(ask: Asker, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    return await ask.http.get("/graphql", params=told, headers=headers)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"null", JSON, 400),
        (b"[]", JSON, 400),
        (b'[{"query": "{ engines { id } }"}]', JSON, 400),
        (b'{"query": 5}', JSON, 400),
        (b'{"query": null}', JSON, 400),
        (b'{"query": "{ engines { id } }", "variables": []}', JSON, 400),
        (b'{"query": "\xff"}', JSON, 400),
        (
            b'{"query": "{ engines { id } }", "variables": {"a": ' + b"[" * 9000 + b"]" * 9000 + b"}}",
            JSON,
            400,
        ),
        (b'{"query": "{ engines { id } }", "operationName": "None"}', JSON, 400),
        (b'{"query": "query A { engines { id } } query B { engines { id } }"}', JSON, 400),
        (b'{"query": "subscription { priceUpdate(symbol: \\"A\\") { price } }"}', JSON, 400),
        (b'{"query": "{ engines { id } }", "extensions": {"persistedQuery": 1}}', JSON, 400),
        (b"query=x", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b'{"query": "{ engines { id } }"}', {"content-type": "text/plain"}, 415),
        (b'{"query": "{ engines { id } }"}', {"content-type": "application/json; charset=utf-16"}, 415),
        (b'{"query": "{ engines { id } }"}', {}, 415),
    ],
)
async def test_a_request_of_the_wrong_form_is_a_problem(
    ask: Asker, body: bytes, headers: dict[str, str], status: int
) -> None:
    response = await ask.http.post("/graphql", content=body, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]


async def test_a_client_that_asks_for_graphqls_media_type_gets_it(ask: Asker) -> None:
    accept = {"accept": "application/graphql-response+json"}
    for query, status in ((ENGINES, 200), ("{ nothing }", 400)):
        response = await ask.post(query, headers=accept)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/graphql-response+json"
        assert response.json().keys() <= {"data", "errors", "extensions"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_told_which_there_are(ask: Asker, method: str) -> None:
    response = await ask.http.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_an_operation_is_chosen_by_its_name(ask: Asker) -> None:
    query = "query A { engines { id } } query B { __typename }"
    assert await ask.data(query, operationName="B") == {"__typename": "Query"}


async def test_a_persisted_query_is_sent_once_and_then_named(ask: Asker) -> None:
    query = ENGINES + " # registered"
    unknown = await get(ask, extensions=hashed(query))
    assert unknown.status_code == 200
    (error,) = unknown.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (
        "PersistedQueryNotFound",
        "PERSISTED_QUERY_NOT_FOUND",
    )
    assert unknown.headers["cache-control"] == "private, no-store"
    registered = await ask.post(query, extensions=hashed(query))
    assert registered.status_code == 200
    named = await get(ask, extensions=hashed(query))
    assert named.json() == registered.json()


async def test_a_persisted_query_is_known_to_other_tasks(environment: Environment) -> None:
    query = ENGINES + " # shared"
    async with asking(environment) as first, asking(environment) as second:
        await first.post(query, extensions=hashed(query))
        assert (await get(second, extensions=hashed(query))).json()["data"]["engines"]


async def test_a_hash_of_another_document_is_refused(ask: Asker) -> None:
    response = await ask.post(ENGINES, extensions=hashed("{ __typename }"))
    assert response.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_MISMATCH"
    assert response.status_code == 400


async def test_get_is_for_persisted_queries_alone(ask: Asker) -> None:
    assert (await get(ask, query=ENGINES)).status_code == 400
    assert (await get(ask, query=ENGINES, extensions=hashed(ENGINES))).status_code == 200


async def test_get_changes_nothing(ask: Asker) -> None:
    query = 'mutation { deleteAlert(id: "x") }'
    response = await get(ask, query=query, extensions=hashed(query))
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_public_answer_to_get_may_be_cached_and_is_not_sent_twice(ask: Asker) -> None:
    first = await get(ask, query=ENGINES, extensions=hashed(ENGINES))
    assert first.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=5"
    second = await get(ask, {"if-none-match": first.headers["etag"]}, extensions=hashed(ENGINES))
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["etag"] == first.headers["etag"]


async def test_an_answer_that_is_the_callers_own_is_never_cached(ask: Asker) -> None:
    query = "{ __typename watchlists { edges { cursor } } }"
    response = await get(ask, query=query, extensions=hashed(query))
    assert response.headers["cache-control"] == "private, no-store"
    assert "etag" not in response.headers
    assert (await ask.post(ENGINES)).headers["cache-control"] == "private, no-store"


async def test_errors_are_never_cached(ask: Asker) -> None:
    query = '{ performance(symbol: "NOSUCH") { winRate } }'
    response = await get(ask, query=query, extensions=hashed(query))
    assert (response.status_code, response.headers["cache-control"]) == (200, "private, no-store")


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=%ff",
        "extensions={",
        "extensions=[]",
        "variables=1&extensions={}",
        "a=" + "x" * 9000,
        "query=a&query=b",
        "&".join(f"a{n}=1" for n in range(40)),
        "extensions=%00",
    ],
)
async def test_a_query_string_of_the_wrong_form_is_a_problem(ask: Asker, query_string: str) -> None:
    response = await ask.http.get(f"/graphql?{query_string}")
    assert response.status_code in {400, 414}
    assert response.headers["content-type"] == "application/problem+json"


async def test_only_listed_documents_run_where_the_list_is_all(environment: Environment) -> None:
    (listed,) = persisted.listed().values()
    async with asking({**environment, "GRAPHQL_LISTED_ONLY": "true"}) as ask:
        refused = await ask.post(ENGINES)
        assert refused.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_ONLY"
        assert refused.status_code == 403
        by_text = await ask.data(listed, {"name": "AAPL"})
        by_hash = await get(ask, extensions=hashed(listed), variables={"name": "AAPL"})
        assert by_hash.json()["data"] == by_text


async def test_a_listed_document_is_known_without_being_sent(ask: Asker) -> None:
    (listed,) = persisted.listed().values()
    found = await get(ask, extensions=hashed(listed), variables={"name": "SPY"})
    assert found.json()["data"]["symbol"]["name"] == "SPY"


async def test_a_public_answer_is_kept_for_a_moment(ask: Asker) -> None:
    market = ask.http._transport.app.state.domain.market  # type: ignore[attr-defined]
    asked, engines = [], type(market).engines

    async def counted() -> Any:
        asked.append(1)
        return await engines(market)

    market.engines = counted
    first, second = await ask.data(ENGINES), await ask.data(ENGINES)
    assert (first, len(asked)) == (second, 1)
    await ask.data(ENGINES + " ")
    assert len(asked) == 2  # another document


@pytest.mark.parametrize(
    ("query", "public"),
    [
        (ENGINES, True),
        ("{ __typename }", True),
        ("{ engines { id } alerts { edges { cursor } } }", False),
        ("query { ...A } fragment A on Query { watchlists { edges { cursor } } }", False),
        ('mutation { deleteAlert(id: "x") }', False),
    ],
)
async def test_only_what_is_the_same_for_everybody_is_kept(ask: Asker, query: str, public: bool) -> None:
    documents = ask.http._transport.app.state.graphql.documents  # type: ignore[attr-defined]
    operation = documents.operation(documents.read(query), None)
    assert (execution.cache_key(operation, {}) is not None) is public


async def test_answers_to_other_variables_are_other_answers(ask: Asker) -> None:
    query = "query ($s: String!) { symbol(name: $s) { name } }"
    names = [(await ask.data(query, {"s": name}))["symbol"]["name"] for name in ("AAPL", "SPY", "AAPL")]
    assert names == ["AAPL", "SPY", "AAPL"]
