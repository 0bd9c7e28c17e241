"""Quantities that no single property says: sizes in other resources, schedules, options that add up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ops.plan.assembly import Stack

Properties = Mapping[str, Any]

#: Hours of a month as AWS's own calculator counts them.
HOURS = Decimal(730)
#: GiB of storage that come with each KPU of a Flink application ("Application resources", developer guide).
KPU_STORAGE = 50
#: An alarm on an anomaly is billed for the metric and for the two bounds of its band.
BAND = 3
#: Below this period, in seconds, an alarm is of high resolution.
STANDARD_PERIOD = 60
_MINUTES = {"minute": Decimal(1), "hour": Decimal(60), "day": Decimal(1440)}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


@dataclass(frozen=True)
class Usage:
    """Units a month of one item in one region."""

    region: str
    item: str
    units: Decimal


@dataclass(frozen=True)
class Estate:
    """All stacks of an environment, in which one resource finds another."""

    stacks: tuple[Stack, ...]

    def count(self, kind: str) -> int:
        return sum(resource["Type"] == kind for stack in self.stacks for resource in stack.resources.values())

    def referred(self, value: Any, stack: Stack) -> tuple[str, Stack] | None:
        """Logical id and stack of what a Ref, a Fn::GetAtt or the output of another stack names."""
        match value:
            case {"Ref": str(logical_id)} | {"Fn::GetAtt": [str(logical_id), *_]}:
                return logical_id, stack
            case {"Fn::GetStackOutput": {"StackName": name, "OutputName": output}}:
                owner = next((each for each in self.stacks if each.name == name), None)
                if owner is None:
                    return None
                return self.referred(owner.template.get("Outputs", {}).get(output, {}).get("Value"), owner)
        return None

    def properties(self, value: Any, stack: Stack) -> tuple[Properties, Stack]:
        """Properties of what a value names, with the stack it is in; none where it names nothing known."""
        found = self.referred(value, stack)
        if found is None:
            return {}, stack
        logical_id, owner = found
        return owner.resources.get(logical_id, {}).get("Properties", {}), owner


def _tasks(service: Properties, stack: Stack, estate: Estate) -> Iterator[Usage]:
    """A service's desired tasks at the size of its task definition, at Fargate's price on demand: what the
    provider strategy runs on Spot costs less."""
    definition, _ = estate.properties(service.get("TaskDefinition"), stack)
    arm = definition.get("RuntimePlatform", {}).get("CpuArchitecture") == "ARM64"
    machine = "arm" if arm else "x86"
    hours = Decimal(str(service.get("DesiredCount", 1))) * HOURS
    yield Usage(
        stack.region, f"fargate-vcpu-hours-{machine}", hours * Decimal(definition.get("Cpu", "256")) / 1024
    )
    yield Usage(
        stack.region, f"fargate-gb-hours-{machine}", hours * Decimal(definition.get("Memory", "512")) / 1024
    )


def _database(instance: Properties, stack: Stack, estate: Estate) -> Iterator[Usage]:
    """An Aurora instance: a serverless one at its cluster's minimum, another by its class."""
    if instance.get("DBInstanceClass") != "db.serverless":
        yield Usage(stack.region, f"aurora-instance-hours-{instance.get('DBInstanceClass')}", HOURS)
        return
    cluster, _ = estate.properties(instance.get("DBClusterIdentifier"), stack)
    least = Decimal(str(cluster.get("ServerlessV2ScalingConfiguration", {}).get("MinCapacity", 0)))
    optimised = cluster.get("StorageType") == "aurora-iopt1"
    yield Usage(
        stack.region, "aurora-acu-hours-io-optimized" if optimised else "aurora-acu-hours", least * HOURS
    )
    if cluster.get("DatabaseInsightsMode") == "advanced":
        yield Usage(stack.region, "database-insights-acu-hours", least * HOURS)


def _cache(group: Properties, stack: Stack, estate: Estate) -> Iterator[Usage]:
    """Nodes of a replication group. A secondary member of a global datastore says neither node type nor
    engine: it has those of the primary, which the global group names."""
    shape = group
    if "CacheNodeType" not in group:
        datastore, owner = estate.properties(group.get("GlobalReplicationGroupId"), stack)
        members = datastore.get("Members", [{}])
        shape, _ = estate.properties(members[0].get("ReplicationGroupId"), owner)
    nodes = group.get("NumCacheClusters")
    if nodes is None:
        nodes = shape.get("NumNodeGroups", 1) * (1 + group.get("ReplicasPerNodeGroup", 0))
    item = f"cache-node-hours-{shape.get('Engine', 'unknown')}-{shape.get('CacheNodeType', 'unknown')}"
    yield Usage(stack.region, item, Decimal(str(nodes)) * HOURS)


def _alarm(alarm: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """Every metric that an alarm reads is billed. A query of Metrics Insights is billed for each series that
    it finds, at least one; a template does not say how many there are."""
    queries = alarm.get("Metrics", [])
    metrics = [query["MetricStat"] for query in queries if "MetricStat" in query]
    expressions = [str(query.get("Expression", "")) for query in queries]
    if any(expression.lstrip().upper().startswith("SELECT ") for expression in expressions):
        yield Usage(stack.region, "alarm-query-metrics", Decimal(1))
        return
    periods = [metric.get("Period", STANDARD_PERIOD) for metric in metrics] or [
        alarm.get("Period", STANDARD_PERIOD)
    ]
    times = BAND if any("ANOMALY_DETECTION_BAND" in expression for expression in expressions) else 1
    item = "alarm-metrics-high-resolution" if min(map(int, periods)) < STANDARD_PERIOD else "alarm-metrics"
    yield Usage(stack.region, item, Decimal(max(len(metrics), 1) * times))


def _secret(secret: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """A secret, and each replica in the region it stands in."""
    yield Usage(stack.region, "secrets", Decimal(1))
    for replica in secret.get("ReplicaRegions", []):
        yield Usage(str(replica["Region"]), "secrets", Decimal(1))


def _canary(canary: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """Runs a month of a canary at a rate; one on a cron expression is counted, its price is unknown."""
    rate = _RATE.fullmatch(str(canary.get("Schedule", {}).get("Expression", "")))
    if rate is None:
        yield Usage(stack.region, "canaries-on-cron", Decimal(1))
        return
    minutes = int(rate[1]) * _MINUTES[rate[2]]
    # rate(0 minute) is a canary that runs once, when it is started.
    yield Usage(stack.region, "canary-runs", HOURS * 60 / minutes if minutes else Decimal(0))


def _health_check(check: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """A Route 53 health check of an endpoint in AWS, as all here are, and its options."""
    config = check.get("HealthCheckConfig", {})
    kind = str(config.get("Type", ""))
    options = [
        kind.startswith("HTTPS"),
        kind.endswith("_STR_MATCH"),
        config.get("RequestInterval") == 10,
        config.get("MeasureLatency") is True,
    ]
    yield Usage(stack.region, "health-checks", Decimal(1))
    yield Usage(stack.region, "health-check-options", Decimal(sum(options)))


def _firewall(firewall: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """A web ACL, its rules and groups of rules, and Bot Control, which has a subscription of its own."""
    rules = firewall.get("Rules", [])
    groups = [rule.get("Statement", {}).get("ManagedRuleGroupStatement", {}).get("Name") for rule in rules]
    yield Usage(stack.region, "waf-web-acls", Decimal(1))
    yield Usage(stack.region, "waf-rules", Decimal(len(rules)))
    if "AWSManagedRulesBotControlRuleSet" in groups:
        yield Usage(stack.region, "waf-bot-control", Decimal(1))


def _analyzer(analyzer: Properties, stack: Stack, estate: Estate) -> Iterator[Usage]:
    """Analysis of external access is free; that of unused access is billed by role and user. Counted are the
    environment's own: others of the account add to the bill."""
    if str(analyzer.get("Type", "")).endswith("_UNUSED_ACCESS"):
        analysed = estate.count("AWS::IAM::Role") + estate.count("AWS::IAM::User")
        yield Usage(stack.region, "unused-access-identities", Decimal(analysed))


def _flink(properties: Properties, stack: Stack, _estate: Estate) -> Iterator[Usage]:
    """KPUs at its first parallelism, each with its storage, and one of the job manager; while it runs."""
    wanted = properties["ApplicationConfiguration"]["FlinkApplicationConfiguration"]
    parallelism = wanted["ParallelismConfiguration"]
    kpus = -(-int(parallelism["Parallelism"]) // int(parallelism["ParallelismPerKPU"]))
    yield Usage(stack.region, "flink-kpu-hours", (kpus + 1) * HOURS)
    yield Usage(stack.region, "flink-running-storage", Decimal(kpus * KPU_STORAGE))


LINKED: Mapping[str, Callable[[Properties, Stack, Estate], Iterator[Usage]]] = {
    "AWS::AccessAnalyzer::Analyzer": _analyzer,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ECS::Service": _tasks,
    "AWS::ElastiCache::ReplicationGroup": _cache,
    "AWS::KinesisAnalyticsV2::Application": _flink,
    "AWS::RDS::DBInstance": _database,
    "AWS::Route53::HealthCheck": _health_check,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::Synthetics::Canary": _canary,
    "AWS::WAFv2::WebACL": _firewall,
}
