"""What a deployment makes of the run before it: it goes on with it, begins anew, or leaves it as it is.

The runs before are records that were written here; what they had begun with needs no deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.deploy.asking import Account
from ops.deploy.command import Deployment, Options
from ops.deploy.here import Who, new_id
from ops.deploy.lock import Lock
from ops.deploy.record import ended, now
from ops.deploy.store import Event, Store
from ops.errors import UsageError
from ops.plan import assembly
from ops.plan.fingerprint import fingerprint
from stacks.environment import load_environment
from tests.ops.deploy.conftest import BUCKET, Site
from tests.ops.deploy.small_platform import HOME, REGIONS, alarm_name, page, stack_name

NETWORK, OTHER_NETWORK = stack_name(REGIONS[2], "network"), stack_name(REGIONS[1], "network")
#: Events of a run whose last wave was deployed, and its bake not seen through.
DEPLOYED = ({"event": "wave-deployed", "number": 1, "region": HOME},)

Write = Callable[..., str]


@pytest.fixture
def store(site: Site) -> Store:
    return Store(Account("local"), load_environment("local"))


@pytest.fixture
def unfinished(site: Site, store: Store, first: Path) -> Iterator[Write]:
    """Writes the record of an unfinished run of ``work``, and gives its id."""
    before = set(site.runs())

    def write(work: tuple[str, ...] = (), *more: Event, **facts: Any) -> str:
        run = new_id()
        synthesised = dict(fingerprint({}, assembly.read(first)).synthesised)
        begun = {"command": "deploy", "work": dict.fromkeys(work, "create"), "synthesised": synthesised}
        events = [{"event": "started", **begun, **facts}, *more]
        store.write(run, "".join(json.dumps({"at": now(), "run": run, **each}) + "\n" for each in events))
        return run

    yield write
    for key in set(site.runs()) - before:
        site.client("s3").delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def alarm(site: Site) -> Iterator[Callable[[str], None]]:
    """Sets the state of an alarm of the home region that wakes somebody."""
    cloudwatch = site.client("cloudwatch")
    cloudwatch.put_metric_alarm(**page(HOME))
    yield lambda value: cloudwatch.set_alarm_state(
        AlarmName=alarm_name(HOME), StateValue=value, StateReason="a drill"
    )
    cloudwatch.delete_alarms(AlarmNames=[alarm_name(HOME)])


@pytest.fixture
def deployed(site: Site, first: Path) -> Iterator[str]:
    """One stack that is as it should be."""
    formation = site.client("cloudformation", REGIONS[2])
    template = assembly.read(first)[NETWORK].template
    formation.create_stack(StackName=NETWORK, TemplateBody=json.dumps(template))
    yield NETWORK
    formation.delete_stack(StackName=NETWORK)


@pytest.fixture
def plan(first: Path, tmp_path: Path) -> str:
    """The file of a plan of an environment where nothing is deployed."""
    file = tmp_path / "plan.json"
    seen = fingerprint({}, assembly.read(first)).document()
    file.write_text(json.dumps({"environment": "local", "fingerprint": seen}))
    return str(file)


class Late(Lock):
    """A lock that is free only once the run that held it has come to its end."""

    def acquire(self, run: str, command: str, who: Who, break_of: str | None = None) -> str:
        finished = [*self.store.read(run), {"event": "finished", "run": run}]
        self.store.write(run, "".join(json.dumps(each) + "\n" for each in finished))
        return super().acquire(run, command, who, break_of)


def test_run_that_ended_until_the_lock_was_taken_is_not_resumed(
    store: Store, unfinished: Write, first: Path, tmp_path: Path
) -> None:
    unfinished()
    plan = Options("local", resume=True, assembly=first, output=tmp_path, bake=0)
    deployment = Deployment(Console(quiet=True), plan)
    deployment.lock = Late(deployment.account, store)
    with pytest.raises(UsageError, match="no run of local is unfinished"):
        deployment.deploy()
    assert deployment.lock.holder() is None


def test_bake_of_the_last_wave_is_made_up_for(
    site: Site, store: Store, unfinished: Write, first: Path, alarm: Callable[[str], None]
) -> None:
    run = unfinished((), *DEPLOYED)
    alarm("ALARM")
    halted = site.deploy(first, "--resume")
    assert (halted.status, "halted before the end" in halted.errors) == (1, True), halted.output
    assert not ended(store.read(run))
    alarm("OK")
    assert site.deploy(first, "--resume").status == 0
    assert ended(store.read(run))


def test_run_whose_last_bake_was_cut_is_not_ended_by_one_that_finds_nothing_to_do(
    site: Site, store: Store, unfinished: Write, first: Path, deployed: str
) -> None:
    run = unfinished((deployed,), *DEPLOYED)
    done = site.deploy(first, "--only", deployed)
    assert done.status == 0, done.errors
    assert f"the bake of {HOME} in run {run} was cut short" in " ".join(done.output.split())
    assert not ended(store.read(run))


def test_dry_run_of_what_is_resumed_shows_what_is_left(site: Site, unfinished: Write, first: Path) -> None:
    unfinished((NETWORK,))
    done = site.deploy(first, "--resume", "--dry-run")
    assert (done.status, "1 waves" in done.output) == (0, True), done.output + done.errors


def test_dry_run_shows_readers_that_the_last_run_still_owes(
    site: Site, unfinished: Write, first: Path, deployed: str
) -> None:
    unfinished((), {"event": "owed", "stack": deployed, "because": OTHER_NETWORK})
    done = site.deploy(first, "--dry-run", "--only", deployed)
    assert f"{deployed} still lacks what changed in {OTHER_NETWORK}" in done.output


def test_plan_is_gone_on_with_where_its_run_is_unfinished(
    site: Site, store: Store, unfinished: Write, first: Path, plan: str
) -> None:
    run = unfinished((), *DEPLOYED)
    done = site.deploy(first, "--plan", plan, "--yes", "plan", "--resume")
    assert done.status == 0, done.errors
    assert [each["event"] for each in store.read(run)][-1] == "finished"


def test_plan_is_begun_with_where_the_unfinished_run_is_of_another_tree(
    site: Site, unfinished: Write, first: Path, plan: str
) -> None:
    unfinished((NETWORK,), synthesised={NETWORK: "another"})
    done = site.deploy(first, "--plan", plan, "--yes", "plan", "--resume", "--dry-run")
    assert (done.status, "4 waves" in done.output) == (0, True), done.output + done.errors


def test_plan_is_begun_with_where_no_run_is_unfinished(site: Site, first: Path, plan: str) -> None:
    done = site.deploy(first, "--plan", plan, "--yes", "plan", "--resume", "--dry-run")
    assert (done.status, "4 waves" in done.output) == (0, True), done.output + done.errors


def test_part_that_is_as_it_should_be_does_not_end_the_whole_run(
    site: Site, store: Store, unfinished: Write, first: Path, deployed: str
) -> None:
    run = unfinished((deployed, OTHER_NETWORK))
    done = site.deploy(first, "--only", deployed)
    assert "nothing to deploy, 1 stacks are as they should be" in done.output, done.output + done.errors
    assert not ended(store.read(run))


def test_resuming_a_part_does_not_end_the_whole_run(
    site: Site, store: Store, unfinished: Write, first: Path, deployed: str
) -> None:
    run = unfinished((deployed, OTHER_NETWORK), *DEPLOYED)
    done = site.deploy(first, "--resume", "--only", deployed)
    assert done.status == 0, done.errors
    assert not ended(store.read(run))


def test_part_that_is_all_that_the_run_began_with_ends_it(
    site: Site, store: Store, unfinished: Write, first: Path, deployed: str
) -> None:
    run = unfinished((deployed,))
    assert site.deploy(first, "--only", deployed).status == 0
    assert ended(store.read(run))


def test_run_of_another_command_does_not_hide_the_unfinished_deployment(
    site: Site, store: Store, unfinished: Write, first: Path
) -> None:
    run = unfinished((), *DEPLOYED)
    store.write(f"{run}-later", json.dumps({"event": "started", "command": "destroy"}) + "\n")
    done = site.deploy(first, "--resume")
    assert done.status == 0, done.errors
    assert ended(store.read(run))
