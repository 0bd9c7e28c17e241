"""What a region that joins by one edit of the file changes in the others: nothing but what is one for all.

A region that retires by taking the edit back changes the same back.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ops.plan import assembly
from ops.plan.changes import Change, Effect, between
from tests.stacks import environments
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise

HOME, JOINED = "us-east-1", "eu-central-1"

#: Stacks of the home region of which there is one for all regions, and why one that joins changes it.
ONE_FOR_ALL = {
    "edge": "CloudFront's origins, the table of the viewer function, the regions that serve, who renews whose"
    " copies of the origin secret",
    "edge-state": "a secret lists its replicas where it was born: the two origin secrets",
    "global-db": "likewise: the master secret and those of the datastore's users",
    "service-secrets": "likewise: the services' own",
    "monitoring-global": "the dashboards of all regions, a region's health alarm and budget",
}

#: Of these, those that hold secrets.
SECRETS = {"edge-state", "global-db", "service-secrets"}

#: What of these stacks comes with the newcomer; everything else of them is updated.
ADDED = {"AWS::Budgets::Budget", "AWS::CloudWatch::Alarm"}


@dataclass(frozen=True)
class Joining:
    """Two syntheses with one edit of the file between them."""

    before: Assembly
    after: Assembly

    @property
    def elsewhere(self) -> list[Change]:
        before, after = assembly.read(self.before.folder), assembly.read(self.after.folder)
        return [
            change
            for name in before.keys() | after.keys()
            for change in between(before.get(name), after.get(name))
            if change.region != JOINED
        ]


def edited(name: str, *, data: bool) -> environments.Document:
    """The file with the newcomer in it: its section anywhere, here before all others."""
    contents = environments.document(name)
    zones = len(contents["regions"][HOME]["availability_zones"])
    contents["regions"] = {JOINED: environments.region(40, JOINED, zones)} | contents["regions"]
    if data:
        contents["data_regions"].append(JOINED)
    return contents


@pytest.fixture(
    scope="module",
    params=[("prod", False), ("prod", True), ("local", False), ("local", True)],
    ids=["prod, compute", "prod, data", "local, compute", "local, data"],
)
def joining(
    request: pytest.FixtureRequest, synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory
) -> Joining:
    name, data = request.param
    after = environments.read(tmp_path_factory.mktemp("joined"), edited(name, data=data), name)
    return Joining(request.getfixturevalue(name), synthesise(after))


def test_every_stack_of_the_other_regions_is_the_same_to_the_letter(joining: Joining) -> None:
    before, after = joining.before.templates, joining.after.templates
    changed = {name for name, template in before.items() if after.get(name) != template}
    assert changed == {joining.before.stack_id(HOME, area) for area in ONE_FOR_ALL}


def test_only_the_newcomers_own_stacks_are_new(joining: Joining) -> None:
    new = joining.after.templates.keys() - joining.before.templates.keys()
    assert new
    assert {name for name in new if not name.startswith(joining.after.stack_id(JOINED, ""))} == set()


def test_what_is_one_for_all_is_updated_and_nothing_of_it_replaced_or_removed(joining: Joining) -> None:
    assert {change.effect for change in joining.elsewhere} == {Effect.ADDED, Effect.UPDATED}
    assert not [change for change in joining.elsewhere if change.needs_yes]
    assert {change.kind for change in joining.elsewhere if change.effect is Effect.ADDED} == ADDED


def test_stacks_that_hold_secrets_list_one_more_replica_and_differ_in_nothing_else(joining: Joining) -> None:
    state = [change for change in joining.elsewhere if change.area in SECRETS]
    assert {change.area for change in state} == SECRETS
    assert {change.kind for change in state} == {"AWS::SecretsManager::Secret"}
    assert {each.path for change in state for each in change.properties} == {("ReplicaRegions",)}


def test_older_stacks_wait_for_none_of_the_newcomers_but_services_for_its_peering(joining: Joining) -> None:
    """Services wait for every connection there is, and what is one for all for what it names."""
    start = joining.after.stack_id(JOINED, "")
    allowed = {joining.after.stack_id(HOME, area) for area in ONE_FOR_ALL}
    for name, stack in joining.after.stacks.items():
        if not name.startswith(start) and name not in allowed:
            direct = {each for each in stack.get("dependencies", []) if each.startswith(start)}
            assert direct <= {joining.after.stack_id(JOINED, "peering")}, name


def test_second_region_changes_a_region_alone_in_nothing_but_what_is_one_for_all(
    single: Assembly, synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No output appears because the newcomer reads it, not even the first time that anybody does."""
    contents = environments.single_region()
    contents["permitted_regions"] = ["eu-central-1", "eu-west-1"]
    alone = environments.read(tmp_path_factory.mktemp("alone"), contents)
    contents["regions"]["eu-west-1"] = environments.region(50, "eu-west-1")
    both = environments.read(tmp_path_factory.mktemp("both"), contents)
    before, after = synthesise(alone), synthesise(both)
    changed = {name for name, template in before.templates.items() if after.templates[name] != template}
    assert changed == {
        before.stack_id(region, area)
        for region, area in (
            ("us-east-1", "edge"),
            ("us-east-1", "edge-state"),
            ("us-east-1", "monitoring-global"),
            ("eu-central-1", "global-db"),
            ("eu-central-1", "service-secrets"),
        )
    }
