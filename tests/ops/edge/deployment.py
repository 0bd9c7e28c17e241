"""What the edge's tests deploy: a function with its store, a distribution, records and health checks."""

from typing import Any

from stacks.edge.routing import function_code
from tests.loopback import SERVERS
from tests.ops.edge.conftest import LISTENER_PORT, LocalAws, Region

DOMAIN = "edge.example.test"
PLACES = {"us-east-1": 1, "eu-west-1": 2, "ap-southeast-1": 3}
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
PORT = 8000


def deploy_function(aws: LocalAws) -> tuple[str, str]:
    """ARNs of the published viewer-request function and of its store."""
    api = aws.client("cloudfront")
    store = api.create_key_value_store(Name="routing")["KeyValueStore"]["ARN"]
    made = api.create_function(
        Name="viewer-request",
        FunctionConfig={
            "Comment": "",
            "Runtime": "cloudfront-js-2.0",
            "KeyValueStoreAssociations": {"Quantity": 1, "Items": [{"KeyValueStoreARN": store}]},
        },
        FunctionCode=function_code(list(PLACES), protected=[]).encode(),
    )
    api.publish_function(Name="viewer-request", IfMatch=made["ETag"])
    return made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"], store


def cache_policy(aws: LocalAws) -> str:
    keyed = ["Authorization", "CloudFront-Viewer-Latitude", "CloudFront-Viewer-Longitude"]
    config = {
        "Name": "api",
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": 1,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "EnableAcceptEncodingGzip": True,
            "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": {"Quantity": 3, "Items": keyed}},
            "CookiesConfig": {"CookieBehavior": "all"},
            "QueryStringsConfig": {"QueryStringBehavior": "all"},
        },
    }
    made = aws.client("cloudfront").create_cache_policy(CachePolicyConfig=config)
    return str(made["CachePolicy"]["Id"])


def origin(origin_id: str, name: str, port: int = LISTENER_PORT) -> dict[str, Any]:
    return {
        "Id": origin_id,
        "DomainName": name,
        "ConnectionAttempts": 1,
        "ConnectionTimeout": 2,
        "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "X-From", "HeaderValue": "edge"}]},
        "CustomOriginConfig": {
            "HTTPPort": port,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "http-only",
            "OriginReadTimeout": 2,
        },
    }


def behaviour(target: str, methods: list[str], policy: str, function: str | None) -> dict[str, Any]:
    associations = [{"EventType": "viewer-request", "FunctionARN": function}] if function else []
    return {
        "TargetOriginId": target,
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": {"Quantity": len(methods), "Items": methods},
        "CachePolicyId": policy,
        "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
        "FunctionAssociations": {"Quantity": len(associations), "Items": associations},
    }


EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]


def deploy_distribution(aws: LocalAws, function: str) -> None:
    policy = cache_policy(aws)
    origins = [origin("latency", f"origin.{DOMAIN}"), origin("nowhere", f"nowhere.{DOMAIN}")]
    for code in PLACES:
        origins += [origin(f"{code}{use}", f"origin-{code}.{DOMAIN}") for use in ("", "-read", "-stream")]
    origins.append(origin("latency-stream", f"origin.{DOMAIN}"))
    origins.append(origin("shut", f"origin-eu-west-1.{DOMAIN}", port=9))
    special = [("/read-only/*", "latency", ["GET", "HEAD"]), ("/lost/*", "nowhere", EVERY_METHOD)]
    special.append(("/shut/*", "shut", EVERY_METHOD))
    paths = [{"PathPattern": p, **behaviour(o, m, policy, None)} for p, o, m in special]
    aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": len(origins), "Items": origins},
            "DefaultCacheBehavior": behaviour("latency", EVERY_METHOD, policy, function),
            "CacheBehaviors": {"Quantity": len(paths), "Items": paths},
        }
    )


def deploy_records(aws: LocalAws, regions: dict[str, Region]) -> None:
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name=DOMAIN, CallerReference="1")["HostedZone"]["Id"]
    for code, place in regions.items():
        config = {
            "Type": "HTTP",
            "FullyQualifiedDomainName": f"origin-{code}.{DOMAIN}",
            "Port": LISTENER_PORT,
            "ResourcePath": "/health",
            "RequestInterval": 10,
            "FailureThreshold": 3,
        }
        check = route53.create_health_check(CallerReference=code, HealthCheckConfig=config)["HealthCheck"][
            "Id"
        ]
        alias = {"HostedZoneId": "Z1", "DNSName": place.dns_name, "EvaluateTargetHealth": True}
        named = {"Name": f"origin-{code}.{DOMAIN}", "Type": "A", "AliasTarget": alias}
        routed = {"Region": code, "SetIdentifier": code, "HealthCheckId": check}
        latency = {"Name": f"origin.{DOMAIN}", "Type": "A", "AliasTarget": alias, **routed}
        changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in (named, latency)]
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def register(aws: LocalAws, place: Region, call: str) -> None:
    target = {"Id": f"{SERVERS}.2.{PLACES[place.region]}", "Port": PORT}
    getattr(aws.client("elbv2", place.region), call)(TargetGroupArn=place.group, Targets=[target])
