"""Which stacks of an environment are deployed, wherever they are; on a real local AWS."""

from __future__ import annotations

import pytest

from ops.plan import deployed
from stacks.environment import load_environment
from tests.ops.left_behind import REGION, STACK, TEMPLATE, left_behind

ENVIRONMENT = load_environment("local")
OWN = sorted(ENVIRONMENT.regions)


@pytest.mark.usefixtures("commanded")
def test_stack_of_a_region_that_left_the_file_is_found() -> None:
    with left_behind():
        found = deployed.read(ENVIRONMENT, ())
        assert (found[STACK].region, found[STACK].template) == (REGION, TEMPLATE)


@pytest.mark.usefixtures("commanded")
def test_regions_are_those_of_the_file_and_those_with_stacks_of_the_environment() -> None:
    assert deployed.regions(ENVIRONMENT, ()) == OWN
    with left_behind("richesreach-prod-eu-central-1-network"):
        assert deployed.regions(ENVIRONMENT, ()) == OWN
    with left_behind():
        assert deployed.regions(ENVIRONMENT, ()) == sorted([*OWN, REGION])
