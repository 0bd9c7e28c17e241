"""CloudWatch: alarms on metric math, and composite alarms."""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from ops.local.types import api, cbor
from ops.local.types.recorded import recorded
from ops.local.types.registry import Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments, fit, service_model
from ops.local.types.through_api import delete_quietly

# An alarm on expressions has none of these.
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


def install() -> None:
    """CBOR for boto3, and metric math in alarms, which the shipped handler refuses."""
    cbor.install()
    shipped = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Properties) -> dict[str, Any]:
        if not properties.get("Metrics"):
            return dict(shipped(name, properties))
        # Threshold is absent where the comparison is with an anomaly band.
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        stand_in = {"Threshold": 0, **plain, "MetricName": "expression", "Namespace": "expression"}
        made = dict(shipped(name, stand_in))
        for field in _OF_ONE_METRIC:
            made.pop(field, None)
        shape = service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape.members["Metrics"]
        made["Metrics"] = fit(shape, properties["Metrics"])
        if "ThresholdMetricId" in properties:
            made["ThresholdMetricId"] = str(properties["ThresholdMetricId"])
            made.pop("Threshold", None)
        return made

    provisioners._cw_metric_alarm_record = record


def types() -> list[ResourceType]:
    """Every CloudWatch type of this package."""
    return [
        _composite(),
        recorded(
            "AWS::CloudWatch::AnomalyDetector",
            "{stack}-{lid}",
            {"Id": "{ref}"},
            cannot_prove="that a band is ever computed",
        ),
    ]


def _composite() -> ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = str(properties.get("AlarmName") or provisioners._physical_name(stack, logical_id, max_len=255))
        given = arguments("cloudwatch", "PutCompositeAlarm", {**properties, "AlarmName": name})
        api.call("cloudwatch", "PutCompositeAlarm", **given)
        _keep_suppressor(name, given)
        return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("AlarmName") != new.get("AlarmName"):
            return replace(resource, pid, old, new, stack, logical_id)
        return create(logical_id, {**new, "AlarmName": pid}, stack)

    def delete(physical_id: str, _properties: Properties) -> None:
        delete_quietly("cloudwatch", "DeleteAlarms", {"AlarmNames": [physical_id]})

    resource = ResourceType(
        "AWS::CloudWatch::CompositeAlarm",
        "real",
        "its rule is evaluated over its alarms' states; actions are sent",
        "suppression of actions",
        create,
        update,
        delete,
    )
    return resource


def _keep_suppressor(name: str, given: dict[str, Any]) -> None:
    for field in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
        if field in given:
            cloudwatch._composite_alarms[name][field] = given[field]
