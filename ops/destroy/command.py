"""``richesreach destroy``: ask twice, take the data apart, delete in order, say what stays."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ops import account
from ops.deploy import selection
from ops.deploy.asking import Account
from ops.deploy.board import clock
from ops.deploy.formation import Formation
from ops.deploy.graph import Graph
from ops.deploy.here import ended_by_signals, new_id, revision, who
from ops.deploy.lock import Lock
from ops.deploy.record import Record
from ops.deploy.store import Store
from ops.destroy import order, protection, retained
from ops.destroy.data import Databases, Datastores
from ops.destroy.removal import Removal
from ops.destroy.retained import Retained
from ops.errors import OperationError, UsageError
from ops.plan import assembly, deployed, synthesis
from ops.plan.assembly import Stack
from ops.plan.stateful import holds_state
from stacks.environment import Environment, load_environment
from stacks.yaml_file import ROOT

COMMAND = "destroy"

#: Types whose stacks must be taken apart through their own API first.
_MEMBERS = frozenset({"AWS::RDS::DBCluster", "AWS::ElastiCache::ReplicationGroup"})


@dataclass(frozen=True)
class Options:
    """As given on the command line."""

    environment: str
    only: Sequence[str] = ()
    yes: str | None = None
    dry_run: bool = False
    break_lock: str | None = None
    replica_minutes: float = 15
    output: Path | None = None
    assembly: Path | None = None


class Destruction:
    """One run of the command."""

    def __init__(self, console: Console, options: Options) -> None:
        self.console = console
        self.options = options
        self.environment: Environment = load_environment(options.environment)
        self.account = Account(options.environment)
        self.formation = Formation(self.account, self.environment)
        self.run = new_id()

    def destroy(self) -> None:
        owner = account.of_caller(self.options.environment)
        folder = self.options.output or ROOT / ".deploy" / self.environment.name / self.run
        out = self.options.assembly or folder / "cdk.out"
        if self.options.assembly is None:
            synthesis.write(self.environment.name, owner, out, policy=False)
        made = assembly.read(out)
        present = deployed.read(self.environment, made.values())
        if not present:
            self._say(f"{self.environment.name}: nothing is deployed")
            return
        graph = order.deployed_graph(present, made)
        chosen = selection.select(graph.stacks, self.options.only)
        if self.options.only:
            chosen |= {
                name for name in graph.stacks if graph.ancestors[name] & chosen and _same(graph, name, chosen)
            }
        order.check_unused(graph, chosen)
        self._ask(graph, chosen)
        if self.options.dry_run:
            self._say("nothing was touched: --dry-run")
            return
        self._locked(graph, chosen, folder)

    def _ask(self, graph: Graph, chosen: Collection[str]) -> None:
        """Twice for what holds state: in the environment's file, and by its name. That a region is no longer
        in the file is the first yes, too.

        Raises:
            OperationError: the file says that it is protected, or what is deployed does.
            UsageError: the name was not given, or is another's.
        """
        name = self.environment.name
        stateful = [each for each in graph.stacks if each in chosen and _holds_state(graph, each)]
        regions = sorted({graph.stacks[each].region for each in chosen})
        self._say(
            f"{name}: {len(chosen)} stacks go in {', '.join(regions)}; {len(stateful)} of them hold state:"
        )
        for each in stateful:
            self._say(f"  {each}", "red")
        refused = self._protected(
            graph, [each for each in stateful if not self._left(graph.stacks[each].region)]
        )
        if self.options.dry_run:
            if refused:
                self._say(f"it would be refused: {refused}", "yellow")
            return
        if refused:
            raise OperationError(refused)
        given = self.options.yes
        if given is None:
            if not sys.stdin.isatty():
                raise UsageError(f"say which environment goes: --yes {name}")
            given = self.console.input(f"type {name} to destroy this: ")
        if given != name:
            raise UsageError(f"{given!r} is not {name!r}: nothing was touched")

    def _protected(self, graph: Graph, stateful: Sequence[str]) -> str:
        """Why stacks in regions of the environment's file may not go; empty where they may."""
        name = self.environment.name
        if stateful and self.environment.protect:
            return (
                f"environments/{name}.yaml has protect: true; set it to false and deploy that first, or take"
                " stacks without state alone, with --only"
            )
        # That the file says false is a yes only once it was deployed: an edit alone is nobody's review.
        states = self.formation.states({graph.stacks[each].region for each in stateful})
        held = [each for each in stateful if each in states and states[each].protected]
        if not held:
            return ""
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        return (
            f"{held[0]}{more} are still protected from termination: deploy protect: false first,"
            f" `richesreach deploy --env {name}`. Where it has nothing to deploy there: `aws cloudformation"
            f" update-termination-protection --no-enable-termination-protection"
            f" --region {graph.stacks[held[0]].region} --stack-name {held[0]}`"
        )

    def _left(self, region: str) -> bool:
        """Whether the environment's file has forgotten a region."""
        return region not in {*self.environment.regions, self.environment.dns_region}

    def _locked(self, graph: Graph, chosen: Collection[str], folder: Path) -> None:
        store = Store(self.account, self.environment)
        lock, me = Lock(self.account, store), who(self.account, self.environment.home_region)
        said = lock.acquire(self.run, COMMAND, me, self.options.break_lock)
        if said:
            self._say(said, "yellow")
        record = Record(store, self.run, folder, [])
        try:
            record.say(
                "started",
                command=COMMAND,
                environment=self.environment.name,
                who=me.name,
                host=me.host,
                revision=revision(),
                stacks=sorted(chosen),
            )
            with lock.alive(), ended_by_signals():
                self._destroy(graph, chosen, record)
        finally:
            lock.release()

    def _destroy(self, graph: Graph, chosen: Collection[str], record: Record) -> None:
        stacks = {name: graph.stacks[name] for name in graph.stacks if name in chosen}
        stay = [each for stack in stacks.values() for each in retained.of_stack(self.formation, stack)]
        members = {name for name, stack in stacks.items() if _types(graph, name) & _MEMBERS}
        places = {stacks[name].region for name in members}
        databases = Databases(self.account, self.environment, self._say)
        if places:
            databases.check(places)
        self._lift(stacks.values(), record)
        # Once a stack is gone nothing knows these names any more, however the run ends.
        record.say("retains", retained=[str(each) for each in stay])

        def told(name: str, region: str, seconds: float) -> None:
            record.say("stack-deleted", stack=name, region=region, seconds=round(seconds, 1))
            self._say(f"  {name}: gone, {clock(seconds)}", "green")

        apart = partial(self._take_apart, databases, places, stay, record)
        removal = Removal(self.formation, self._say, members, apart, self.options.replica_minutes * 60)
        try:
            failed = removal.run(
                stacks, order.dependents(graph, chosen), self.environment.delivery.concurrency, told
            )
        finally:
            stay += [
                Retained(region, kind, name, "copies at the edge") for region, kind, name in removal.left
            ]
            self._show(stay)
        gone = {each["stack"] for each in record.events if each["event"] == "stack-deleted"}
        if failed:
            record.say("halted", why="; ".join(failed))
            raise OperationError(
                f"{len(stacks) - len(gone)} stacks are left: {'; '.join(failed)}. Mend it and repeat"
            )
        record.say("finished", retained=[str(each) for each in stay])

    def _lift(self, stacks: Iterable[Stack], record: Record) -> None:
        for stack in stacks:
            if self._left(stack.region):
                for each in protection.lift(self.formation, stack):
                    record.say("step", action="unprotect", region=stack.region, target=each)

    def _take_apart(
        self, databases: Databases, places: Collection[str], stay: list[Retained], record: Record
    ) -> None:
        for step in databases.take_apart(places, f"final-{self.run.partition('-')[0].lower()}"):
            record.say("step", action=step.action, region=step.region, target=step.target)
            if step.snapshot:
                stay.append(Retained(step.region, "DB cluster snapshot", step.snapshot, "last snapshot"))
        record.say("retains", retained=[str(each) for each in stay])
        for group in Datastores(self.account, self.environment, self._say).take_apart(places):
            record.say("step", action="disassociate", target=group)

    def _show(self, stay: Sequence[Retained]) -> None:
        if not stay:
            self._say("nothing was retained; the CDK's own stack (CDKToolkit) stays in each region")
            return
        table = Table("region", "type", "what stays", "why")
        for region, listed in retained.by_region(stay).items():
            for each in listed:
                table.add_row(region, each.kind, each.identifier, each.why)
        self.console.print(table)
        self._say("these cost what they cost until somebody deletes them; so does CDKToolkit in each region")

    def _say(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False)


def _types(graph: Graph, name: str) -> set[str]:
    return {str(resource["Type"]) for resource in graph.stacks[name].resources.values()}


def _holds_state(graph: Graph, name: str) -> bool:
    return any(holds_state(resource) for resource in graph.stacks[name].resources.values())


def _same(graph: Graph, name: str, chosen: Collection[str]) -> bool:
    """Whether a stack that stands on a chosen one goes with it: where it is of the same region."""
    return graph.stacks[name].region in {graph.stacks[each].region for each in chosen}
