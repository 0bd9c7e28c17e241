"""No request that the descriptions allow fails the gateway, or is answered otherwise than they tell."""

from collections.abc import Iterator

import fuzzing
import pytest
from cache_servers import CachePair
from fuzzing import Running
from gateway_task import task_environment
from postgres_servers import PostgresCluster

# Most for who may do most: the others are refused much of it.
EXAMPLES = {"nobody": 3, "viewer": 3, "trader": 3, "admin": 10}


@pytest.fixture(scope="module")
def found(
    _session_cluster: PostgresCluster, _session_caches: CachePair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    work = tmp_path_factory.mktemp("pool")
    with fuzzing.running(task_environment(_session_cluster, _session_caches), work) as started:
        yield started


@pytest.mark.timeout(600)
@pytest.mark.parametrize("caller", fuzzing.CALLERS)
def test_rest_answers_every_caller_as_its_document_says(found: Running, caller: str) -> None:
    status, said = fuzzing.rest(found, caller, EXAMPLES[caller], "--seed", str(fuzzing.SEED))
    assert status == 0, said[-12_000:]


@pytest.mark.timeout(600)
def test_graphql_fails_on_nothing_that_its_schema_allows(found: Running) -> None:
    fuzzing.graphql(found, 100)


def test_the_fuzzed_gateway_has_logged_no_failure(found: Running) -> None:
    said = found.process.output()
    assert "unhandled_error" not in said
    assert "graphql_failed" not in said
