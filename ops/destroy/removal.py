"""Deletes stacks, each after those that stand on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ops.deploy.asking import asking
from ops.deploy.formation import LOOK, Formation
from ops.deploy.one_stack import SKEW
from ops.destroy import buckets
from ops.plan.assembly import Stack

#: Words by which Lambda refuses to delete a function that still has copies at the edge.
_REPLICATED = "replicated function"

#: Seconds between two tries for such a function.
REPLICA_LOOK = 60.0

Say = Callable[[str], None]


@dataclass
class Removal:
    """``before`` is called once, when the first of ``guarded`` is next. ``replica_seconds`` is how long a
    function with copies at the edge is tried again, before it is left behind."""

    formation: Formation
    say: Say
    guarded: Collection[str]
    before: Callable[[], None]
    replica_seconds: float
    look: float = LOOK
    replica_look: float = REPLICA_LOOK
    left: list[tuple[str, str, str]] = field(default_factory=list)

    def run(
        self,
        stacks: Mapping[str, Stack],
        dependents: Mapping[str, frozenset[str]],
        concurrency: int,
        told: Callable[[str, str, float], None],
    ) -> list[str]:
        """Gives why stacks could not be deleted; what stands under those is left as it is.

        ``told`` hears of each stack that went, its region and the seconds.
        """
        waiting, gone, failed = list(stacks), set[str](), list[str]()
        running: dict[Future[str], tuple[str, float]] = {}
        opened = False
        with ThreadPoolExecutor(concurrency) as pool:
            while running or waiting:
                ready = [name for name in waiting if dependents[name] <= gone]
                if not opened and any(name in self.guarded for name in ready):
                    self.before()
                    opened = True
                for name in ready:
                    waiting.remove(name)
                    running[pool.submit(self._delete, stacks[name])] = (name, time.monotonic())
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name, began = running.pop(future)
                    reason = future.result()
                    if reason:
                        failed.append(f"{name}: {reason}")
                    else:
                        gone.add(name)
                        told(name, stacks[name].region, time.monotonic() - began)
        return failed

    def _delete(self, stack: Stack) -> str:
        """Empty when it is gone, else why not."""
        client, name = self.formation.client(stack.region), stack.name
        emptied = buckets.empty(self.formation, stack)
        if emptied:
            self.say(f"  {name}: {emptied} versions of objects deleted")
        deadline = time.monotonic() + self.replica_seconds
        retain: Sequence[str] = ()
        tries = 2
        while True:
            since = datetime.now(UTC) - SKEW
            with asking(self.formation.environment.name, f"{name} cannot be deleted"):
                client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
                client.delete_stack(StackName=name, **({"RetainResources": list(retain)} if retain else {}))
            state = self.formation.settle(name, stack.region, look=self.look)
            if state is None or state.status == "DELETE_COMPLETE":
                return ""
            reason = self.formation.failure(name, stack.region, since) or state.reason
            tries -= 1
            if _REPLICATED in reason:
                if time.monotonic() < deadline:
                    self.say(f"  {name}: copies of its functions are still at the edge; trying again")
                    time.sleep(self.replica_look)
                    tries = 2
                    continue
                retain = self._leave_functions(stack)
            elif tries <= 0:
                return reason
            # Whatever still wrote, such as the delivery of logs, may have filled a bucket again.
            buckets.empty(self.formation, stack)

    def _leave_functions(self, stack: Stack) -> list[str]:
        """Functions that CloudFormation could not delete, and what they run as: left behind, and said."""
        client = self.formation.client(stack.region)
        with asking(self.formation.environment.name, f"what is left of {stack.name} cannot be listed"):
            listed = client.describe_stack_resources(StackName=stack.name)["StackResources"]
        found = [each for each in listed if each["ResourceStatus"] == "DELETE_FAILED"]
        for each in found:
            self.left.append((stack.region, each["ResourceType"], each["PhysicalResourceId"]))
        return [each["LogicalResourceId"] for each in found]
