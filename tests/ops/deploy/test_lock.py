"""Two engineers, one environment: who gets it, who is refused, and what breaks a lock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

import boto3
import pytest

from ops.deploy.asking import Account
from ops.deploy.here import Who
from ops.deploy.lock import SILENCE, Held, Lock
from ops.deploy.store import Store
from ops.errors import OperationError, UsageError
from ops.local.process import start_time
from stacks.environment import load_environment
from tests.ops.deploy.conftest import BUCKET, Site

ME = Who("ann", "laptop", os.getpid(), start_time(os.getpid()) or 0)
OTHER = Who("ben", "desk", 7, 7)
#: Of this host and user, and gone: nothing started at that tick.
GONE = Who(ME.name, ME.host, ME.pid, ME.started - 1)


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """Where no record of these tests is left: the newest one is the last run's to others."""
    store = Store(Account("local"), load_environment("local"))
    yield store
    for key in (store.key("run-1"), f"{store.prefix}alive"):
        site.client("s3").delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def lock(store: Store) -> Lock:
    """One process's, of an environment that nobody holds."""
    lock = Lock(store.account, store)
    if lock.holder() is not None:
        store.account.client("ssm", lock.region).delete_parameter(Name=lock.name)
    return lock


@pytest.fixture
def other(store: Store) -> Lock:
    """Another process's."""
    return Lock(store.account, store)


def test_first_gets_it_and_second_is_told_who_has_it(lock: Lock) -> None:
    assert lock.acquire("run-1", "deploy", OTHER) == ""
    with pytest.raises(OperationError, match=r"ben on desk since .*`richesreach deploy`, run run-1"):
        lock.acquire("run-2", "deploy", ME)


def test_holder_that_has_not_begun_its_record_yet_is_to_be_waited_for(lock: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    with pytest.raises(OperationError, match=r"last sign of life was \d+ s ago: wait for it"):
        lock.acquire("run-2", "deploy", ME)


def test_holder_that_was_silent_for_long_may_be_dead(lock: Lock) -> None:
    long_ago = (datetime.now(UTC) - 2 * SILENCE).isoformat()
    held = Held("run-1", "deploy", OTHER.name, OTHER.host, OTHER.pid, OTHER.started, long_ago)
    client = lock.store.account.client("ssm", lock.region)
    client.put_parameter(Name=lock.name, Type="String", Value=json.dumps(asdict(held)))
    with pytest.raises(OperationError, match="repeat with --break-lock 'ben'"):
        lock.acquire("run-2", "deploy", ME)


def test_holder_gives_signs_of_life_from_the_first_moment_on(lock: Lock, site: Site) -> None:
    """It took the lock long ago, and has waited since for somebody else's update: there is no record yet."""
    long_ago = (datetime.now(UTC) - 2 * SILENCE).isoformat()
    held = Held("run-1", "deploy", OTHER.name, OTHER.host, OTHER.pid, OTHER.started, long_ago)
    site.client("ssm").put_parameter(Name=lock.name, Type="String", Value=json.dumps(asdict(held)))
    with lock.alive():
        pass
    with pytest.raises(OperationError, match=r"last sign of life was \d+ s ago: wait for it"):
        lock.acquire("run-2", "deploy", ME)


def test_sign_of_life_is_no_run(lock: Lock, store: Store) -> None:
    before = store.runs(100)
    with lock.alive():
        pass
    assert store.runs(100) == before


def test_sign_that_cannot_be_given_stops_nothing(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise OperationError("no network")

    monkeypatch.setattr(lock.store, "beat", lost)
    lock.acquire("run-1", "deploy", OTHER)
    with lock.alive():
        lock.check()


def test_record_that_no_network_leads_to_is_one_line(
    lock: Lock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    nowhere = "http://127.0.0.1:9"  # port 9 discards: whoever asks it fails at once
    away = boto3.client(
        "s3", "us-east-1", endpoint_url=nowhere, aws_access_key_id="test", aws_secret_access_key="test"
    )
    assert store.bucket
    monkeypatch.setitem(store.account._clients, ("s3", store.region), away)
    with pytest.raises(OperationError, match="last sign of life cannot be read: Could not connect"):
        lock.acquire("run-2", "deploy", ME)


def test_given_back_it_is_free(lock: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    lock.release()
    assert lock.acquire("run-2", "deploy", ME) == ""


def test_lock_of_an_own_run_that_died_is_taken_over(lock: Lock) -> None:
    lock.acquire("run-1", "deploy", GONE)
    assert "took over the lock of run run-1" in lock.acquire("run-2", "deploy", ME)


def test_lock_of_an_own_run_that_lives_is_not(lock: Lock) -> None:
    lock.acquire("run-1", "deploy", ME)
    with pytest.raises(OperationError, match="is being changed by ann"):
        lock.acquire("run-2", "deploy", ME)


def test_lock_is_broken_by_its_holders_name_alone(lock: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    with pytest.raises(UsageError, match="held by 'ben'"):
        lock.acquire("run-2", "deploy", ME, break_of="carl")
    assert "broke the lock of ben on desk" in lock.acquire("run-2", "deploy", ME, break_of="ben")


def test_run_whose_lock_was_broken_begins_nothing_more(lock: Lock, other: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    other.acquire("run-2", "deploy", ME, break_of="ben")
    with pytest.raises(OperationError, match="ann on laptop holds it now: nothing more is begun"):
        lock.check()


def test_run_that_is_resumed_with_a_broken_lock_is_no_more_its_first_holders(lock: Lock, other: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    other.acquire("run-1", "deploy", ME, break_of="ben")
    with pytest.raises(OperationError, match="ann on laptop holds it now: nothing more is begun"):
        lock.check()


def test_holder_whose_lock_was_broken_cannot_give_back_the_next_ones(lock: Lock, other: Lock) -> None:
    lock.acquire("run-1", "deploy", OTHER)
    other.acquire("run-1", "deploy", ME, break_of="ben")
    lock.release()
    other.check()


def test_parameter_that_is_no_lock_is_named(lock: Lock, site: Site) -> None:
    site.client("ssm").put_parameter(Name=lock.name, Type="String", Value="mine", Overwrite=True)
    try:
        with pytest.raises(OperationError, match=r"/richesreach/local/delivery/lock .* is no lock"):
            lock.acquire("run-1", "deploy", ME)
    finally:
        site.client("ssm").delete_parameter(Name=lock.name)
