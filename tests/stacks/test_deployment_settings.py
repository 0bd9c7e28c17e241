"""Which manifests and settings of a deployment are refused, and what the refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.errors import ConfigurationError
from stacks.manifest import PRIORITIES, Manifest, load_manifests
from tests.stacks import environments
from tests.stacks.test_deployments import CONSUMER
from tests.stacks.test_manifests import GATEWAY, MARKET
from tests.stacks.test_manifests import load as manifests_of


@pytest.mark.parametrize(
    ("change", "problem", "mend"),
    [
        ({"paths": ["/a", "/b", "/c", "/d"]}, "4 paths", "give prefixes"),
        (
            {"scaling": {"lag": CONSUMER["scaling"]["lag"]}, "needs": [], "stream": {}},
            "needs the stream",
            "add `stream`",
        ),
        ({"stream": {}}, "needs the stream and no topic", "stream.reads or stream.writes"),
        ({"needs": []}, "stream lists topics", "add it, or remove them"),
        (
            {"stream": {"reads": ["dlq"], "groups": ["gateway"]}},
            "names 'gateway', which is not market-data's",
            "let it begin with 'market-data.'",
        ),
        (
            {"scaling": {"lag": CONSUMER["scaling"]["lag"]}},
            "which the service does not read",
            "stream.groups and stream.reads",
        ),
        (
            {"stream": {"reads": ["market.ticks"], "groups": {"market-data.bars": ["market.bars"]}}},
            "lets 'market-data.bars' read market.bars, which the service does not read",
            "list it in stream.reads",
        ),
        ({"paths": [], "scaling": {"requests_per_target": 5}}, "needs a path", "remove it"),
        ({"tasks": [CONSUMER["tasks"][0] | {"schedule": "daily"}]}, "is no schedule", "cron(0 3"),
        ({"tasks": [CONSUMER["tasks"][0] | {"run": "before-service"}]}, "not run by it", "run: schedule"),
        ({"needs": ["lake:Raw"]}, "unknown need", "lake:<prefix>"),
        ({"grpc": 9000, "port": 9000}, "both 9000", "a port of its own"),
        ({"ephemeral_storage": 20}, "greater than or equal to 21", ""),
        ({"paths": ["/api/v2/*"]}, "overlaps /api/*, which belongs to gateway", "give it to one service"),
    ],
)
def test_wrong_manifest_says_what_to_mend(
    change: dict[str, Any], problem: str, mend: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        manifests_of(tmp_path, GATEWAY, MARKET | change)
    assert problem in str(caught.value)
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("services.deployment", {"strategy": "rolling", "bake_minutes": 5}, "only blue-green bakes"),
        ("services.deployment.maximum_percent", 100, "no task can be replaced"),
        ("services.capacity.spot_weight", -1, "greater than or equal to 0"),
        (
            "services.capacity",
            {"on_demand_base": 1, "on_demand_weight": 0, "spot_weight": 0, "fargate_vcpus": 9},
            "both 0",
        ),
        ("load_balancer.slow_start_seconds", 10, "use 30 to 900"),
    ],
)
def test_wrong_settings_say_what_to_mend(path: str, value: object, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        environments.read(tmp_path, environments.put(environments.document(), path, value))
    assert problem in str(caught.value)


def test_priority_of_a_rule_is_its_services_own(tmp_path: Path) -> None:
    (alone,) = [m for m in manifests_of(tmp_path, GATEWAY, MARKET) if not m.default]
    among = Manifest.model_validate(MARKET)
    assert alone.priority == among.priority
    assert alone.priority in PRIORITIES
    assert all(m.priority == PRIORITIES.stop for m in load_manifests() if m.default)
