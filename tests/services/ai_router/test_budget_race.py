"""Two hundred clients on one budget, in replicas of which some are killed."""

import pytest
from budget_race import Course, Race, run
from cache_servers import CachePair
from postgres_servers import PostgresCluster


def prefix(id_: str) -> str:
    return id_.partition("-")[0]


def assert_nothing_was_overspent_or_lost(race: Race) -> None:
    assert race.reserved == 0
    assert race.billed <= race.settled <= race.limit
    for replica in race.replicas:
        if not replica.killed:
            assert set(replica.reserved) == replica.settled


async def test_200_clients_never_spend_more_than_there_is_though_a_replica_is_killed(
    ai_database: PostgresCluster, caches: CachePair, org: str
) -> None:
    race = await run(ai_database, caches.primary, org, Course(limit=8_000_000, clients=100, near=2))
    assert_nothing_was_overspent_or_lost(race)
    [victim] = [replica for replica in race.replicas if replica.killed]
    # Only what the killed replica had set aside ran out, and each of those counts in full.
    assert race.expired
    assert {prefix(id_) for id_ in race.expired} == {prefix(next(iter(victim.reserved)))}
    costs = {id_: cost for replica in race.replicas for id_, cost in replica.billed.items()}
    booked = sum(cost for id_, cost in costs.items() if id_ not in race.expired)
    assert race.settled == booked + sum(race.expired.values())


@pytest.mark.timeout(400)
async def test_replicas_of_other_regions_spend_leases_and_return_them(
    ai_database: PostgresCluster, caches: CachePair, org: str
) -> None:
    race = await run(ai_database, caches.primary, org, Course(4_000_000, clients=50, near=1, far=2, killed=0))
    assert_nothing_was_overspent_or_lost(race)
    assert not race.expired
    assert all(replica.words["settled"] for replica in race.replicas)
    assert race.settled == race.billed
