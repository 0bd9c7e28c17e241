"""Keys of one person leave a real server; everybody else's stay."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

PATTERNS = ("session:{subject}:*", "user:{subject}:*")


@pytest.fixture
def server(cache: ModuleType, valkey: int) -> Iterator[Any]:
    with cache.connect("127.0.0.1", valkey, False, {}) as connection:
        connection.call("FLUSHALL")
        yield connection


def erase(cache: ModuleType, server: Any, **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"dry_run": False, "so_far": {}, "in_time": lambda: True}
    answer: dict[str, Any] = cache.erase(server, PATTERNS, "ada", **{**defaults, **options})
    return answer


def fill(server: Any, count: int) -> None:
    for number in range(count):
        server.call("SET", f"session:ada:{number}", "x")
        server.call("SET", f"session:adam:{number}", "x")
    server.call("HSET", "user:ada:profile", "city", "London")


def test_every_key_of_the_subject_goes_and_no_other(cache: ModuleType, server: Any) -> None:
    fill(server, 1500)
    assert erase(cache, server) == {
        "done": True,
        "erased": {"session:{subject}:*": 1500, "user:{subject}:*": 1},
    }
    assert server.call("DBSIZE") == 1500


def test_second_erasure_finds_nothing(cache: ModuleType, server: Any) -> None:
    fill(server, 3)
    erase(cache, server)
    assert erase(cache, server)["erased"] == {"session:{subject}:*": 0, "user:{subject}:*": 0}


def test_dry_run_counts_and_leaves_all(cache: ModuleType, server: Any) -> None:
    fill(server, 3)
    assert erase(cache, server, dry_run=True)["erased"] == {"session:{subject}:*": 3, "user:{subject}:*": 1}
    assert server.call("DBSIZE") == 7


def test_run_that_is_cut_short_goes_on_where_it_was(cache: ModuleType, server: Any) -> None:
    fill(server, 1500)
    so_far: dict[str, Any] = {}
    runs = 0
    while not so_far.get("done"):
        steps = iter([True, False])
        so_far = erase(cache, server, so_far=so_far, in_time=lambda steps=steps: next(steps))
        runs += 1
    assert runs > 2
    assert so_far["erased"] == {"session:{subject}:*": 1500, "user:{subject}:*": 1}


def test_refusal_is_said_in_the_servers_words(cache: ModuleType, server: Any, valkey: int) -> None:
    with pytest.raises(cache.CacheError, match=r"WRONGPASS|no password"):
        cache.connect("127.0.0.1", valkey, False, {"username": "nobody", "password": "wrong"})
