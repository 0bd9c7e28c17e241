"""Which stacks a run is about: all, or those of ``--only`` with what they stand on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ops.deploy.graph import Graph
from ops.errors import OperationError, UsageError
from ops.plan.assembly import Stack
from stacks.environment import PLACEHOLDER_ACCOUNT


def select(stacks: Mapping[str, Stack], only: Iterable[str]) -> frozenset[str]:
    """Names of the stacks that ``only`` lists by region or by name; all where it lists none.

    Raises:
        UsageError: something in it is neither.
    """
    regions = sorted({stack.region for stack in stacks.values()})
    found: set[str] = set()
    for word in only:
        if word in stacks:
            found.add(word)
        elif word in regions:
            found |= {name for name, stack in stacks.items() if stack.region == word}
        else:
            alike = [name for name in stacks if word in name][:3]
            known = ", ".join([*regions, *alike])
            raise UsageError(f"--only {word}: no such region or stack; regions and stacks are e.g. {known}")
    return frozenset(found or stacks)


def with_needed(graph: Graph, chosen: Collection[str]) -> frozenset[str]:
    """With every stack that the chosen ones stand on."""
    return frozenset(chosen).union(*(graph.ancestors[name] for name in chosen))


def check_account(stacks: Iterable[Stack], owner: str) -> None:
    """Makes sure that the assembly is for the account of the credentials.

    Raises:
        OperationError: it is for another, or for none.
    """
    accounts = {stack.account for stack in stacks}
    if PLACEHOLDER_ACCOUNT in accounts:
        raise OperationError(
            f"the assembly is for the placeholder account {PLACEHOLDER_ACCOUNT};"
            " synthesise it with CDK_DEFAULT_ACCOUNT set"
        )
    if accounts != {owner}:
        named = ", ".join(sorted(accounts))
        raise OperationError(f"the assembly is for account {named} and the credentials are of {owner}")
