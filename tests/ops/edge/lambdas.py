"""The Lambda@Edge functions of the site: small, and each does one thing at one event."""

from tests.ops.edge.conftest import LocalAws
from tests.ops.edge.site import lambda_version

SHOW = """
import json
def handler(event, context):
    cf = event["Records"][0]["cf"]
    request = cf["request"]
    request["headers"]["x-event"] = [{"key": "X-Event", "value": json.dumps(cf)}]
    return request
"""
REFUSE = """
def handler(event, context):
    return {"status": "401", "statusDescription": "Unauthorized", "body": '{"title": "no token"}',
            "headers": {"content-type": [{"key": "Content-Type", "value": "application/problem+json"}]}}
"""
REDIRECT = """
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["uri"] = "/moved"
    request["querystring"] = "by=lambda"
    request["origin"]["custom"]["domainName"] = "two.site.example.test"
    request["headers"]["host"] = [{"key": "Host", "value": "two.site.example.test"}]
    return request
"""
READ_ONLY = """
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["via"] = [{"key": "Via", "value": "me"}]
    return request
"""
DISALLOWED = """
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-edge-mine"] = [{"key": "X-Edge-Mine", "value": "1"}]
    return request
"""
FAIL = "def handler(event, context):\n    raise ValueError('no such luck')\n"
SLOW = "import time\ndef handler(event, context):\n    time.sleep(9)\n"
NOTHING = "def handler(event, context):\n    return None\n"
REPLACE_BODY = """
import base64
def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    seen = base64.b64decode(request["body"]["data"])
    request["body"] = {"action": "replace", "encoding": "text", "data": seen.decode().upper()}
    return request
"""
RESPONSE = """
def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    response["headers"]["x-seen-status"] = [{"key": "X-Seen-Status", "value": response["status"]}]
    response["status"] = "203"
    return response
"""
VIEWER_RESPONSE = """
def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    response["headers"]["x-viewer-response"] = [{"key": "X-Viewer-Response", "value": "yes"}]
    return response
"""

FUNCTIONS = {
    "/shown/viewer/*": {"viewer-request": SHOW},
    "/shown/origin/*": {"origin-request": SHOW},
    "/refused/viewer/*": {"viewer-request": REFUSE},
    "/refused/origin/*": {"origin-request": REFUSE},
    "/redirected/*": {"origin-request": REDIRECT},
    "/read-only/*": {"origin-request": READ_ONLY},
    "/disallowed/*": {"origin-request": DISALLOWED},
    "/failing/*": {"origin-request": FAIL},
    "/slow/*": {"viewer-request": SLOW},
    "/nothing/*": {"origin-request": NOTHING},
    "/body/*": {"origin-request": REPLACE_BODY},
    "/responses/*": {"origin-response": RESPONSE, "viewer-response": VIEWER_RESPONSE},
}


def deploy(aws: LocalAws) -> dict[str, dict[str, str]]:
    """ARNs of the published versions by path and event."""
    codes = sorted({code for events in FUNCTIONS.values() for code in events.values()})
    arns = {code: lambda_version(aws, f"edge-{number}", code, 30) for number, code in enumerate(codes)}
    return {path: {event: arns[code] for event, code in each.items()} for path, each in FUNCTIONS.items()}
