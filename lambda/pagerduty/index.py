"""SNS → PagerDuty Events API v2: an alarm that fires triggers an incident, one that ends resolves it.

Protocol: "Events API v2" and "Send an alert event" in PagerDuty's developer documentation
(https://developer.pagerduty.com/docs/events-api-v2-overview): POST JSON, 202 when taken, 400 when the
event is wrong, 429 when too many came, 5xx when PagerDuty fails.

Variables: EVENTS_URL, ROUTING_KEY_SECRET_NAME (name of the secret; absent in Secrets Manager: disabled, and
said so), ENVIRONMENT, TOPIC_PAGE and TOPIC_TICKET (topic ARNs, which decide the severity), RUNBOOK_BASE_URL.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

ATTEMPTS = 5
TIMEOUT_SECONDS = 5
BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 8.0

#: Limits of the Events API: characters of a summary and of a de-duplication key.
SUMMARY_LENGTH = 1024
DEDUP_LENGTH = 255

#: In this order: a word that announces a secret must not take "Bearer" for the secret itself.
_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]+"),
    re.compile(r"(?i)\b(password|passwd|secret|token|api[_-]?key|routing[_-]?key)(\W{1,3})[^\s,;\"']+"),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\brr_[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)


class DeliveryError(Exception):
    """PagerDuty did not take an event; Lambda tries again and then keeps it in the dead-letter queue."""


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    """Sends every record; raises DeliveryError after the last when one could not be delivered."""
    key = routing_key()
    if key is None:
        log("disabled", reason="the routing key's secret is absent or empty", records=len(event["Records"]))
        return {"sent": 0}
    failed: list[str] = []
    for record in event["Records"]:
        body = to_event(record["Sns"])
        try:
            send({**body, "routing_key": key}, key)
        except DeliveryError as error:
            failed.append(str(error))
            log("failed", dedup_key=body["dedup_key"], error=str(error))
        else:
            log("sent", action=body["event_action"], dedup_key=body["dedup_key"])
    if failed:
        raise DeliveryError("; ".join(failed))
    return {"sent": len(event["Records"])}


def routing_key() -> str | None:
    """The integration's key, plain or as {"routing_key": …}; None where there is none."""
    try:
        answer = boto3.client("secretsmanager").get_secret_value(
            SecretId=os.environ["ROUTING_KEY_SECRET_NAME"]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    text = str(answer.get("SecretString") or "").strip()
    if text.startswith("{"):
        text = str(json.loads(text).get("routing_key") or "").strip()
    return text or None


def to_event(message: dict[str, Any]) -> dict[str, Any]:
    """The event of one SNS message, without its routing key.

    An alarm's state decides the action; anything else, such as a budget's notice, triggers.
    """
    alarm = _alarm(message["Message"])
    severity = "critical" if message["TopicArn"] == os.environ["TOPIC_PAGE"] else "warning"
    region = message["TopicArn"].split(":")[3]
    if alarm is None:
        return _notice(message, severity, region)
    name = str(alarm["AlarmName"])
    action = "resolve" if alarm["NewStateValue"] == "OK" else "trigger"
    event: dict[str, Any] = {"event_action": action, "dedup_key": _dedup(f"{region}/{name}")}
    if action == "resolve":
        return event
    description = redact(str(alarm.get("AlarmDescription") or ""))
    event["payload"] = {
        "summary": f"{region} {name}: {description}"[:SUMMARY_LENGTH],
        "source": name,
        "severity": severity,
        "timestamp": alarm.get("StateChangeTime") or message.get("Timestamp"),
        "component": name,
        "group": f"{os.environ['ENVIRONMENT']}/{region}",
        "class": alarm["NewStateValue"],
        "custom_details": {
            "reason": redact(str(alarm.get("NewStateReason") or "")),
            "alarm": alarm.get("AlarmArn"),
            "before": alarm.get("OldStateValue"),
        },
    }
    event["client"] = "RichesReach"
    event["links"] = _links(description)
    return event


def _alarm(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"AlarmName", "NewStateValue"} <= found.keys() else None


def _notice(message: dict[str, Any], severity: str, region: str) -> dict[str, Any]:
    subject = redact(str(message.get("Subject") or "Notice"))
    return {
        "event_action": "trigger",
        # One incident for a notice, however often SNS delivers it.
        "dedup_key": _dedup(f"{region}/{message['MessageId']}"),
        "payload": {
            "summary": f"{os.environ['ENVIRONMENT']}: {subject}"[:SUMMARY_LENGTH],
            "source": message["TopicArn"].rsplit(":", maxsplit=1)[-1],
            "severity": severity,
            "timestamp": message.get("Timestamp"),
            "group": f"{os.environ['ENVIRONMENT']}/{region}",
            "custom_details": {"message": redact(message["Message"])},
        },
        "client": "RichesReach",
    }


def _links(description: str) -> list[dict[str, str]]:
    base = re.escape(os.environ["RUNBOOK_BASE_URL"].rstrip("/"))
    return [{"href": url, "text": "Runbook"} for url in re.findall(rf"{base}/[\w-]+\.md", description)]


def _dedup(text: str) -> str:
    if len(text) <= DEDUP_LENGTH:
        return text
    return hashlib.sha256(text.encode()).hexdigest()


def redact(text: str) -> str:
    """Blanks what looks like a credential: alarm reasons and notices quote what others wrote."""
    for pattern in _SECRETS:
        text = pattern.sub(lambda found: f"{found[1]}{found[2]}***" if found.lastindex else "***", text)
    return text


def send(body: dict[str, Any], key: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """POSTs until PagerDuty takes it; full-jitter back-off between attempts.

    Raises:
        DeliveryError: refused for good (4xx but 429), or not taken in ATTEMPTS.
    """
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            longest = min(LONGEST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**attempt)
            sleep(random.uniform(longest / 2, longest))  # noqa: S311  (spreads load, guards nothing)
        try:
            post(body)
        except urllib.error.HTTPError as error:
            # PagerDuty may quote the event back: its answer is not logged before the key is out of it.
            problem = f"HTTP {error.code} {error.read(500).decode(errors='replace')}".replace(key, "***")
            if error.code != 429 and error.code < 500:
                raise DeliveryError(f"PagerDuty refused the event: {redact(problem)}") from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            problem = type(error).__name__
        else:
            return
    raise DeliveryError(f"PagerDuty took no event in {ATTEMPTS} attempts: {redact(problem)}")


def post(body: dict[str, Any]) -> None:
    """One POST; raises urllib's errors."""
    request = urllib.request.Request(  # noqa: S310  (the URL is the stack's)
        os.environ["EVENTS_URL"],
        data=json.dumps(body).encode(),
        method="POST",
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
        pass


def log(event: str, **fields: Any) -> None:
    """One JSON line, as the services write theirs."""
    print(json.dumps({"event": event, **fields}))  # noqa: T201
