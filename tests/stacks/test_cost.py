"""What the committed environments synthesise is known to the price table, or known to cost nothing."""

from __future__ import annotations

import pytest

from ops.plan import assembly
from ops.plan.quantities import quantities
from tests.stacks.assembly import Assembly


@pytest.mark.parametrize("environment", ["prod", "staging", "dev", "local"])
def test_every_type_of_an_environment_is_counted_or_costs_nothing(
    environment: str, request: pytest.FixtureRequest
) -> None:
    synthesised: Assembly = request.getfixturevalue(environment)
    items = {item for _, item in quantities(assembly.read(synthesised.folder).values())}
    assert "nat-gateway-hours" in items
    assert not {item for item in items if item.startswith("AWS::")}
    assert not {item for item in items if "unknown" in item}
