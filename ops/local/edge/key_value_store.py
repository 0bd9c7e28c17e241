"""KeyValueStores of the local CloudFront.

botocore puts the account in front of the host of this service's endpoint, whatever endpoint is given, and
`000000000000.127.0.0.1` is no host: the request is turned back to the endpoint itself before it is sent.
"""

from typing import Any

from ops.local.aws import ACCOUNT, client

SERVICE = "cloudfront-keyvaluestore"
HOME = "us-east-1"


def _without_account(request: Any, **_: Any) -> None:
    request.url = request.url.replace(f"//{ACCOUNT}.", "//", 1)


def store_client() -> Any:
    """A client of the data API of KeyValueStores."""
    store = client(SERVICE, HOME)
    store.meta.events.register(f"before-send.{SERVICE}", _without_account, unique_id="without-account")
    return store


def read_items(arn: str) -> dict[str, str]:
    """Every key of a store with its value."""
    items: dict[str, str] = {}
    request = {"KvsARN": arn}
    while True:
        page = store_client().list_keys(**request)
        items |= {item["Key"]: item["Value"] for item in page.get("Items", ())}
        if not page.get("NextToken"):
            return items
        request["NextToken"] = page["NextToken"]


def put(arn: str, key: str, value: str) -> None:
    """Set one key, as `aws cloudfront-keyvaluestore put-key` would."""
    etag = store_client().describe_key_value_store(KvsARN=arn)["ETag"]
    store_client().put_key(KvsARN=arn, Key=key, Value=value, IfMatch=etag)


def delete(arn: str, key: str) -> None:
    """Remove one key."""
    etag = store_client().describe_key_value_store(KvsARN=arn)["ETag"]
    store_client().delete_key(KvsARN=arn, Key=key, IfMatch=etag)
