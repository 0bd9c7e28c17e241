"""Environments with a few resources, as the checks look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.plan.assembly import Stack
from ops.preflight.result import Reporter, Result, Verdict
from ops.preflight.site import Site
from stacks.environment import Environment, load_environment

REGION = "eu-west-1"
#: The account of moto, and that of the local AWS.
ACCOUNT = "123456789012"
LOCAL_ACCOUNT = "000000000000"
Check = Callable[[Site, Reporter], Iterator[Result]]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def stack(resources: Mapping[str, Any], area: str = "data", region: str = REGION, **more: Any) -> Stack:
    template = {"Resources": dict(resources), **more}
    return Stack(f"richesreach-local-{region}-{area}", region, "111111111111", template)


def site(
    *stacks: Stack,
    account: str | None = None,
    environment: Environment | None = None,
    manifests: tuple[Any, ...] = (),
    deployed: Mapping[str, str] | None = None,
) -> Site:
    """Prod with these stacks; with an account where moto answers for it.

    ``deployed`` are physical ids by logical id, for moto has no CloudFormation here.
    """
    chosen = environment or load_environment("prod")
    physical = {each.name: dict(deployed) for each in stacks} if deployed is not None else {}
    return Site(chosen, {each.name: each for each in stacks}, manifests, account, physical)


def local_site(*stacks: Stack, environment: Environment | None = None) -> Site:
    """These stacks in the local AWS."""
    return site(*stacks, account=LOCAL_ACCOUNT, environment=environment or load_environment("local"))


def changed(name: str = "prod", **sections: Mapping[str, Any]) -> Environment:
    """An environment with keys of its file changed, by section."""
    whole = load_environment(name)
    updates = {each: getattr(whole, each).model_copy(update=dict(keys)) for each, keys in sections.items()}
    return whole.model_copy(update=updates)


def found(check: Check, of: Site) -> list[Result]:
    return list(check(of, Reporter("check")))


def failed(check: Check, of: Site) -> list[Result]:
    return [each for each in found(check, of) if each.verdict is Verdict.FAILED]
