"""The low-level dashboard of one region: every service, the front door, databases, caches and brokers."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.monitoring.dashboards.widgets import graph, heading
from stacks.monitoring.flink import BACK_PRESSURE, FlinkMetrics
from stacks.monitoring.region import RegionMetrics
from stacks.monitoring.service import ServiceMetrics
from stacks.monitoring.stream import CPU, DISK, StreamMetrics


def region_dashboard(scope: Construct, metrics: RegionMetrics) -> cloudwatch.Dashboard:
    region = metrics.site.region
    dashboard = cloudwatch.Dashboard(
        scope, f"Region-{region}", dashboard_name=metrics.site.names.dashboard(region)
    )
    dashboard.add_widgets(heading(f"# {metrics.site.names.prefix} in {region}"))
    dashboard.add_widgets(*_front_door(metrics))
    for service in metrics.services:
        dashboard.add_widgets(heading(f"## {service.name}"))
        dashboard.add_widgets(*_service(region, service))
    if metrics.database is not None:
        dashboard.add_widgets(heading("## Aurora"))
        dashboard.add_widgets(*_database(metrics))
    dashboard.add_widgets(heading("## Valkey"))
    dashboard.add_widgets(*_caches(metrics))
    if metrics.stream is not None:
        dashboard.add_widgets(heading("## Kafka"))
        dashboard.add_widgets(*_stream(region, metrics.stream))
    if metrics.flink is not None:
        dashboard.add_widgets(heading("## Flink"))
        dashboard.add_widgets(*_flink(region, metrics.flink))
    dashboard.add_widgets(heading("## Lake"))
    dashboard.add_widgets(
        graph("Replication latency (s)", region, metrics.lake.latency(elsewhere=True), width=12),
        graph("Replications failed", region, metrics.lake.failed(elsewhere=True), width=12),
    )
    return dashboard


def _front_door(metrics: RegionMetrics) -> Sequence[cloudwatch.IWidget]:
    door, region = metrics.front_door, metrics.site.region
    return (
        graph("Requests", region, door.metric("RequestCount")),
        graph("5xx of the load balancer (%)", region, door.failed(), limit=1),
        graph(
            "Connections",
            region,
            door.metric("ActiveConnectionCount"),
            door.metric("RejectedConnectionCount"),
        ),
        graph("TLS errors", region, door.metric("ClientTLSNegotiationErrorCount")),
    )


def _service(region: str, service: ServiceMetrics) -> Sequence[cloudwatch.IWidget]:
    objective = service.manifest.slo.latency_p99_ms / 1000
    return (
        graph("Requests and 5xx", region, service.requests(), service.errors()),
        graph("Latency p99 (s)", region, *service.latency(), limit=objective),
        graph("Healthy tasks", region, service.healthy_hosts(), limit=service.count.min),
        graph("CPU and memory (%)", region, service.ecs("CPUUtilization"), service.ecs("MemoryUtilization")),
    )


def _database(metrics: RegionMetrics) -> Sequence[cloudwatch.IWidget]:
    database, region = metrics.database, metrics.site.region
    if database is None:
        return ()
    monitoring = metrics.site.environment.monitoring
    return (
        graph(
            "Capacity and CPU (%)",
            region,
            *(database.metric(n, "Maximum") for n in ("ACUUtilization", "CPUUtilization")),
        ),
        graph(
            "Connections",
            region,
            database.metric("DatabaseConnections", "Maximum"),
            limit=monitoring.database_connections,
        ),
        graph(
            "Replication lag (ms)",
            region,
            *(
                database.across_dimensions(f"AuroraGlobalDB{name}", elsewhere=True)
                for name in ("ReplicationLag", "RPOLag")
            ),
            limit=monitoring.replication_lag_seconds * 1000,
        ),
        graph("Deadlocks", region, database.metric("Deadlocks", "Maximum")),
    )


def _caches(metrics: RegionMetrics) -> Sequence[cloudwatch.IWidget]:
    region = metrics.site.region
    widgets = []
    for name, cache in (("regional", metrics.cache), ("global", metrics.datastore)):
        if cache is not None:
            widgets += [
                graph(f"{name}: engine CPU (%)", region, *cache.each("EngineCPUUtilization", "Average")),
                graph(f"{name}: memory (%)", region, *cache.each("DatabaseMemoryUsagePercentage", "Maximum")),
                graph(f"{name}: evictions", region, *cache.each("Evictions", "Sum")),
                graph(f"{name}: hit rate (%)", region, *cache.each("CacheHitRate", "Average")),
            ]
    return widgets


def _stream(region: str, stream: StreamMetrics) -> Sequence[cloudwatch.IWidget]:
    waiting = [stream.lag(group, topic) for group, topic in stream.readings]
    widgets = [
        graph("Bytes in a second", region, *stream.each("BytesInPerSec", "Average")),
        graph("Busiest broker (% of CPU)", region, stream.busiest(), limit=CPU.threshold),
        graph(
            "Storage of the fullest broker (%)",
            region,
            stream.over_brokers("MAX", "KafkaDataLogsDiskUsed", "Maximum"),
            limit=DISK.threshold,
        ),
    ]
    if waiting:
        limit = stream.settings.lag_messages
        widgets.append(graph("Messages that wait for a group", region, *waiting, limit=limit))
    return widgets


def _flink(region: str, flink: FlinkMetrics) -> Sequence[cloudwatch.IWidget]:
    return (
        graph("Behind the ticks (s)", region, flink.behind(), limit=flink.settings.watermark_seconds),
        graph("Ticks and bars in a second", region, flink.metric("numRecordsInPerSecond", "Average")),
        graph(
            "Restarts and failed checkpoints",
            region,
            flink.new("numRestarts", "restarts"),
            flink.new("numberOfFailedCheckpoints", "failed checkpoints"),
        ),
        graph(
            "Waiting for the next part (ms of a second)",
            region,
            flink.back_pressure(elsewhere=True),
            limit=BACK_PRESSURE.threshold,
        ),
        graph("CPU (%) and KPUs", region, flink.metric("cpuUtilization"), flink.metric("KPUs")),
        graph("Duration of a checkpoint (ms)", region, flink.metric("lastCheckpointDuration")),
    )
