"""What `richesreach retire` refuses before it touches anything; tests/drill retires a region for real."""

from __future__ import annotations

import pytest
from rich.console import Console

from ops.errors import UsageError
from ops.retire import Options, retire
from tests.ops.left_behind import left_behind


@pytest.mark.usefixtures("commanded")
@pytest.mark.parametrize(
    ("region", "yes", "said"),
    [
        (
            "eu-west-1",
            ("eu-west-1",),
            "eu-west-1 is still in environments/local.yaml: take it out of regions",
        ),
        (
            "eu-north-1",
            "eu-north-1",
            "nothing of local is deployed in 'eu-north-1'; there are ap-southeast-1",
        ),
        ("eu-central-1", (), "go for good: say --yes eu-central-1"),
        ("eu-central-1", ("local", "access"), "go for good: say --yes eu-central-1"),
    ],
)
def test_refused_with_the_mend(region: str, yes: tuple[str, ...], said: str) -> None:
    with left_behind(), pytest.raises(UsageError) as refused:
        retire(Console(), Options("local", region, yes))
    assert said in str(refused.value)
