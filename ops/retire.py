"""``richesreach retire``: a region that left the environment's file is drained, forgotten and deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from ops import routing
from ops.deploy.asking import Account, asking
from ops.deploy.command import Deployment
from ops.deploy.command import Options as Deploying
from ops.deploy.here import new_id
from ops.destroy.command import Destruction
from ops.destroy.command import Options as Destroying
from ops.destroy.data import Databases
from ops.errors import UsageError
from ops.plan import deployed
from stacks.environment import Environment, load_environment
from stacks.yaml_file import ROOT


@dataclass(frozen=True)
class Options:
    """As given on the command line. ``yes`` holds the region's code, and what the deployment of the others
    needs a yes for."""

    environment: str
    region: str
    yes: Sequence[str] = ()
    bake: float | None = None


def retire(console: Console, options: Options) -> None:
    """Each step is done again safely: a run that was cut short is simply repeated.

    Raises:
        UsageError: the region is still in the file, nothing of it is deployed, or the yes is another's.
        OperationError: a step failed; those before it stay done.
    """
    environment = load_environment(options.environment)
    _check(environment, options)
    name, region = options.environment, options.region
    folder = ROOT / ".deploy" / name / new_id()
    accepted = tuple(each for each in options.yes if each != region)
    deploying = Deploying(name, bake=options.bake, yes=accepted, repeated=True, output=folder)
    # What lacks a yes is said while the region still serves.
    Deployment(console, replace(deploying, dry_run=True)).deploy()
    console.print(f"draining {region}: {routing.drain(region, name, leaving=True)}", markup=False)
    seconds = float(environment.delivery.bake_seconds) if options.bake is None else options.bake
    console.print(f"waiting {seconds:.0f} s for what it still answers", markup=False)
    time.sleep(seconds)
    Deployment(console, replace(deploying, assembly=folder / "cdk.out")).deploy()
    console.print(f"the other regions know of it no longer: {routing.undrain(region, name, leaving=True)}")
    Destruction(console, Destroying(name, only=(region,), yes=name)).destroy()


def _check(environment: Environment, options: Options) -> None:
    name, region = options.environment, options.region
    if region in environment.regions:
        raise UsageError(
            f"{region} is still in environments/{name}.yaml: take it out of regions there first, and of every"
            " list that names it but permitted_regions"
        )
    with asking(name, "the regions that have stacks cannot be listed"):
        places = set(deployed.regions(environment, ()))
    if region not in places:
        raise UsageError(
            f"nothing of {name} is deployed in {region!r}; there are {', '.join(sorted(places))}"
        )
    if region == environment.dns_region:
        raise UsageError(f"{region} holds the edge and the zone of {name}, which cannot move")
    if region not in options.yes:
        raise UsageError(f"its services, its caches and its copy of the data go for good: say --yes {region}")
    Databases(Account(name), environment, lambda text: None).check({region})
