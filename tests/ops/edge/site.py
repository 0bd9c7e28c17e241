"""A distribution with a behaviour for everything that CloudFront can be told, before two plain origins."""

import io
import zipfile
from typing import Any

from tests.loopback import SERVERS
from tests.ops.edge.conftest import LocalAws

HOST = "site.example.test"
ONE, TWO = f"{SERVERS}.5.1", f"{SERVERS}.5.2"
PORT = 8000
BUCKET = "site-example"
ROLE = "arn:aws:iam::000000000000:role/edge"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
ERRORS: list[dict[str, Any]] = [
    {
        "ErrorCode": 403,
        "ResponsePagePath": "/errors/missing.html",
        "ResponseCode": "404",
        "ErrorCachingMinTTL": 0,
    },
    {"ErrorCode": 503, "ErrorCachingMinTTL": 0},
    {"ErrorCode": 404, "ErrorCachingMinTTL": 1},
]
FAILOVER = {"StatusCodes": {"Quantity": 4, "Items": [500, 502, 503, 504]}}

GROUP_FUNCTION = """import cf from 'cloudfront';
function handler(event) {
  const request = event.request;
  if (request.method === 'GET' || request.method === 'POST' && request.uri === '/runtime/group') {
    cf.createRequestOriginGroup({
      originIds: [{ originId: 'dead' }, { originId: 'two', originOverrides: { hostHeader: 'second.test' } }],
      failoverCriteria: { statusCodes: [500, 502, 503, 504] },
    });
  } else {
    cf.selectRequestOriginById('two');
  }
  return request;
}
"""
RESPONSE_FUNCTION = """function handler(event) {
  const response = event.response;
  response.headers['x-function'] = { value: event.request.uri };
  return response;
}
"""


def items(*values: Any) -> dict[str, Any]:
    """A list as CloudFront's API wants it."""
    return {"Quantity": len(values), "Items": list(values)}


def policy(aws: LocalAws, name: str, low: int, usual: int, high: int, **parts: Any) -> str:
    """A cache policy that keys on query `q`, header X-Variant and cookie `c` unless `parts` say else."""
    parameters = {
        "EnableAcceptEncodingGzip": True,
        "EnableAcceptEncodingBrotli": True,
        "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": items("X-Variant")},
        "CookiesConfig": {"CookieBehavior": "whitelist", "Cookies": items("c")},
        "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": items("q")},
        **parts,
    }
    config = {
        "Name": name,
        "MinTTL": low,
        "DefaultTTL": usual,
        "MaxTTL": high,
        "ParametersInCacheKeyAndForwardedToOrigin": parameters,
    }
    made = aws.client("cloudfront").create_cache_policy(CachePolicyConfig=config)
    return str(made["CachePolicy"]["Id"])


def function(aws: LocalAws, name: str, code: str) -> str:
    """A published CloudFront Function's ARN."""
    api = aws.client("cloudfront")
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    made = api.create_function(Name=name, FunctionConfig=config, FunctionCode=code.encode())
    api.publish_function(Name=name, IfMatch=made["ETag"])
    return str(made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"])


def lambda_version(aws: LocalAws, name: str, code: str, timeout: int = 5) -> str:
    """The ARN of version 1 of a Python function without environment variables."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", code)
    api = aws.client("lambda")
    api.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=timeout,
    )
    return str(api.publish_version(FunctionName=name)["FunctionArn"])


def custom_origin(origin_id: str, domain: str, **changes: Any) -> dict[str, Any]:
    """An HTTP origin with short time-outs."""
    return {
        "Id": origin_id,
        "DomainName": domain,
        "ConnectionAttempts": 1,
        "ConnectionTimeout": 2,
        "CustomOriginConfig": {
            "HTTPPort": PORT,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "http-only",
            "OriginReadTimeout": 2,
        },
        **changes,
    }


def behaviour(target: str, cache: str, **changes: Any) -> dict[str, Any]:
    """A behaviour that allows every method."""
    return {
        "TargetOriginId": target,
        "ViewerProtocolPolicy": "allow-all",
        "AllowedMethods": {**items(*EVERY_METHOD), "CachedMethods": items("GET", "HEAD")},
        "CachePolicyId": cache,
        "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
        "Compress": True,
        **changes,
    }


def deploy_names(aws: LocalAws) -> None:
    """`one` and `two` serve; at `dead` nobody listens."""
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name=HOST, CallerReference="site")["HostedZone"]["Id"]
    for name, address in (("one", ONE), ("two", TWO), ("dead", f"{SERVERS}.5.9")):
        values = [{"Value": address}]
        record = {"Name": f"{name}.{HOST}", "Type": "A", "TTL": 60, "ResourceRecords": values}
        changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def deploy_bucket(aws: LocalAws) -> None:
    """A bucket with a small site in it."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    pages = {"web/index.html": b"<h1>site</h1>", "errors/missing.html": b"<h1>missing</h1>"}
    for key, body in pages.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="text/html", CacheControl="max-age=60")


def origins(access: str) -> list[dict[str, Any]]:
    """Every origin of the site; `access` is an origin access control."""
    bucket = {
        "DomainName": f"{BUCKET}.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    secure = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    return [
        custom_origin("one", f"one.{HOST}"),
        custom_origin("two", f"two.{HOST}"),
        custom_origin("dead", f"dead.{HOST}"),
        custom_origin("secure", f"one.{HOST}", CustomOriginConfig=secure),
        {"Id": "bucket", **bucket, "OriginAccessControlId": access},
        {"Id": "private", **bucket},
    ]


def group(group_id: str, *members: str) -> dict[str, Any]:
    """An origin group that fails over on 500, 502, 503 and 504."""
    return {
        "Id": group_id,
        "FailoverCriteria": FAILOVER,
        "Members": items(*({"OriginId": member} for member in members)),
    }


def deploy(aws: LocalAws, web_acl: str, lambdas: dict[str, dict[str, str]]) -> str:
    """The distribution's id. `lambdas` are functions by path and event."""
    deploy_names(aws)
    deploy_bucket(aws)
    usual = policy(aws, "usual", 0, 60, 600)
    made = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "site",
            "Comment": "",
            "Enabled": True,
            "Aliases": items(HOST),
            "WebACLId": web_acl,
            "Origins": items(*origins(access_control(aws))),
            "OriginGroups": items(group("pair", "dead", "two")),
            "CustomErrorResponses": items(*ERRORS),
            "DefaultCacheBehavior": behaviour("one", usual),
            "CacheBehaviors": items(*paths(aws, usual), *lambda_paths(usual, lambdas)),
        }
    )
    return str(made["Distribution"]["Id"])


def access_control(aws: LocalAws) -> str:
    """The id of an origin access control for the bucket."""
    control = {
        "Name": "site",
        "SigningProtocol": "sigv4",
        "SigningBehavior": "always",
        "OriginAccessControlOriginType": "s3",
    }
    made = aws.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=control)
    return str(made["OriginAccessControl"]["Id"])


def paths(aws: LocalAws, usual: str) -> list[dict[str, Any]]:
    """A behaviour a path for what needs no Lambda; `usual` is the cache policy of most of them."""
    grouped = _at("viewer-request", function(aws, "group", GROUP_FUNCTION))
    answered = _at("viewer-response", function(aws, "answered", RESPONSE_FUNCTION))
    made = {
        "/min/*": behaviour("one", policy(aws, "minimum", 30, 60, 600)),
        "/off/*": behaviour("one", CACHING_DISABLED),
        "/pair/*": behaviour("pair", usual),
        "/dead/*": behaviour("dead", usual),
        "/secure/*": behaviour("secure", usual),
        "/web/*": behaviour("bucket", usual),
        "/errors/*": behaviour("bucket", usual),
        "/private/*": behaviour("private", usual),
        "/runtime/*": behaviour("one", CACHING_DISABLED, FunctionAssociations=items(grouped)),
        "/answered/*": behaviour(
            "one",
            usual,
            FunctionAssociations=items(answered),
            ResponseHeadersPolicyId=response_policy(aws),
        ),
    }
    return [{"PathPattern": path, **each} for path, each in made.items()]


def lambda_paths(usual: str, lambdas: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """A behaviour for each path of `lambdas`, with the functions at their events."""
    return [
        {
            "PathPattern": path,
            **behaviour(
                "one",
                usual,
                LambdaFunctionAssociations=items(*(_lambda(event, arn) for event, arn in each.items())),
            ),
        }
        for path, each in lambdas.items()
    ]


def _at(event: str, arn: str) -> dict[str, str]:
    return {"EventType": event, "FunctionARN": arn}


def _lambda(event: str, arn: str) -> dict[str, Any]:
    return {"EventType": event, "LambdaFunctionARN": arn, "IncludeBody": event.endswith("request")}


def response_policy(aws: LocalAws) -> str:
    """Custom, CORS and security headers, one removed, and Server-Timing on every answer."""
    config = {
        "Name": "site",
        "CustomHeadersConfig": items({"Header": "x-custom", "Value": "1", "Override": False}),
        "RemoveHeadersConfig": items({"Header": "x-served-by"}),
        "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 100},
        "CorsConfig": {
            "AccessControlAllowOrigins": items("https://app.example.test"),
            "AccessControlAllowHeaders": items("authorization"),
            "AccessControlAllowMethods": items("ALL"),
            "AccessControlAllowCredentials": False,
            "AccessControlMaxAgeSec": 600,
            "OriginOverride": True,
        },
        "SecurityHeadersConfig": {
            "StrictTransportSecurity": {
                "Override": True,
                "AccessControlMaxAgeSec": 60,
                "IncludeSubdomains": True,
            },
            "ContentTypeOptions": {"Override": True},
            "FrameOptions": {"Override": True, "FrameOption": "DENY"},
        },
    }
    made = aws.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    return str(made["ResponseHeadersPolicy"]["Id"])
