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
from ops.destroy.retained import resources
from ops.errors import OperationError
from ops.plan.assembly import Stack

#: Words by which Lambda refuses to delete a function that still has copies at the edge.
_REPLICATED = "replicated function"

#: Seconds between two tries for such a function.
REPLICA_LOOK = 60.0

Say = Callable[[str], None]


@dataclass
class Removal:
    """``before`` is called once, when everything that stands on any of ``guarded`` is gone: what it keeps of
    them is then the last. ``replica_seconds`` is how long a function with copies at the edge is tried again,
    before it is left behind."""

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
        users, closed = self._users(dependents), set(self.guarded)
        with ThreadPoolExecutor(concurrency) as pool:
            while running or waiting:
                if closed and users <= gone:
                    closed = set()
                    reason = _attempt(self.before) if set(self.guarded) & set(waiting) else ""
                    if reason:
                        failed.append(reason)
                        waiting = [name for name in waiting if name not in self.guarded]
                for name in [each for each in waiting if dependents[each] <= gone and each not in closed]:
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

    def _users(self, dependents: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """What stands on a guarded stack, but for those on which a guarded one stands in turn."""
        guarded = frozenset(self.guarded)
        users = frozenset[str]().union(*(dependents[name] for name in guarded)) - guarded
        return frozenset(name for name in users if not dependents[name] & guarded)

    def _delete(self, stack: Stack) -> str:
        """Empty when it is gone, else why not. One that AWS refuses does not end what the others do."""
        try:
            return self._deleted(stack)
        except OperationError as error:
            return str(error)

    def _deleted(self, stack: Stack) -> str:
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
        found = list(resources(self.formation, stack, frozenset({"DELETE_FAILED"})))
        self.left += [(stack.region, kind, physical) for _, kind, physical in found]
        return [logical_id for logical_id, _, _ in found]


def _attempt(call: Callable[[], None]) -> str:
    """Empty when it went well, else why not."""
    try:
        call()
    except OperationError as error:
        return str(error)
    return ""
