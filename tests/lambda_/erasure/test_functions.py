"""What the two functions ask of AWS: endpoints and logins, a region's worker, the lake for a receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.lambda_.erasure.conftest import MASTER, Postgres
from tests.lambda_.erasure.test_cache import PATTERNS

REGION, OTHER = "us-east-1", "eu-west-1"
LAKE = "lake-us-east-1"


class Context:
    """Lambda's context with all the time there is."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account of moto's, whose functions answer with what they are asked."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        boto3.client("s3").create_bucket(Bucket=LAKE)
        monkeypatch.setenv("LAKE_BUCKET", LAKE)
        monkeypatch.setenv("WORKER", "erasure")
        yield


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch, postgres: Postgres, valkey: int) -> None:
    """Endpoints and a login where the global-db area publishes them."""
    monkeypatch.setenv("PARAMETERS", "/rr/global-db")
    for name in ("cache-primary", "database-endpoint"):
        boto3.client("ssm").put_parameter(Name=f"/rr/global-db/{name}", Value="127.0.0.1", Type="String")
    login = json.dumps({"username": MASTER.user, "password": MASTER.password})
    boto3.client("secretsmanager").create_secret(Name="rr/database", SecretString=login)
    for name, value in {
        "CACHE_PORT": str(valkey),
        "CACHE_TLS": "false",
        "CACHE_PATTERNS": json.dumps(PATTERNS),
        "DATABASE_PORT": str(postgres.port),
        "DATABASE_TLS": "false",
        "DATABASE_LOGIN": "rr/database",
    }.items():
        monkeypatch.setenv(name, value)


def order(store: str) -> dict[str, Any]:
    return {"store": store, "subject": "ada", "dry_run": True, "so_far": {}}


@pytest.mark.usefixtures("stores")
def test_cache_is_reached_at_the_published_endpoint(
    worker: ModuleType, cache: ModuleType, valkey: int
) -> None:
    with cache.connect("127.0.0.1", valkey, False, {}) as server:
        server.call("FLUSHALL")
        server.call("SET", "session:ada:1", "x")
    answer = worker.handler(order("cache"), Context())
    assert (answer["done"], sum(answer["erased"].values())) == (True, 1)


@pytest.mark.usefixtures("stores")
def test_database_is_opened_with_the_login_of_the_secret(
    worker: ModuleType, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker.handler(order("database"), Context())["done"] is True
    boto3.client("secretsmanager").put_secret_value(
        SecretId="rr/database", SecretString=json.dumps({"username": MASTER.user, "password": "other"})
    )
    with pytest.raises(Exception, match="password"):
        worker.handler(order("database"), Context())


def test_unknown_store_is_named_with_the_known_ones(worker: ModuleType) -> None:
    with pytest.raises(worker.UnknownStoreError, match="'disk' is no store; known are lake, cache"):
        worker.handler(order("disk"), Context())


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A request, asked where the edge publishes in another region which serve."""
    for name, value in {
        "STEPS": json.dumps([{"region": REGION, "store": "database"}]),
        "EVERYWHERE": "cache,lake",
        "REGIONS_HOME": OTHER,
        "REGIONS_PARAMETER": "/rr/edge/regions",
    }.items():
        monkeypatch.setenv(name, value)
    keys = ("requested_by", "execution", "started_at")
    return {"action": "plan", "subject": "ada", "dry_run": True, **dict.fromkeys(keys, "-")}


def test_every_region_that_serves_today_is_erased_in(control: ModuleType, planned: dict[str, Any]) -> None:
    boto3.client("ssm", OTHER).put_parameter(
        Name="/rr/edge/regions", Value=f"{REGION},eu-central-1", Type="String"
    )
    steps = control.handler(planned, None)["steps"]
    assert [(step["region"], step["store"]) for step in steps] == [
        (REGION, "database"),
        (REGION, "cache"),
        (REGION, "lake"),
        ("eu-central-1", "cache"),
        ("eu-central-1", "lake"),
    ]


def test_nothing_is_erased_where_nobody_says_which_regions_serve(
    control: ModuleType, planned: dict[str, Any]
) -> None:
    with pytest.raises(control.NoRegionsError, match="no parameter /rr/edge/regions; deploy the edge"):
        control.handler(planned, None)


def test_step_is_done_by_the_function_of_its_own_region(control: ModuleType) -> None:
    role = boto3.client("iam").create_role(RoleName="erasure", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    boto3.client("lambda", region_name=OTHER).create_function(
        FunctionName="erasure",
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": b"-"},
    )
    event = {
        "action": "erase",
        "step": {"region": OTHER, "store": "lake"},
        "request": {"subject": "ada", "dry_run": True},
        "so_far": {"erased": {"versions": 2}},
    }
    asked = {"store": "lake", "subject": "ada", "dry_run": True, "so_far": {"erased": {"versions": 2}}}
    # moto's function gives back what it was asked, which becomes the step's progress.
    assert control.handler(event, None) == {**event, "so_far": asked}


@pytest.mark.parametrize(("status", "complete"), [("done", True), ("failed", False)])
def test_receipt_says_whether_everything_was_erased_and_names_nobody(
    status: str, complete: bool, control: ModuleType
) -> None:
    request = {
        "subject": "ada",
        "dry_run": False,
        "requested_by": "dpo",
        "execution": "run-1",
        "started_at": "2026-01-01T00:00:00Z",
    }
    outcomes = [{"step": {"region": REGION, "store": "lake"}, "status": status}]
    answer = control.handler({"action": "receipt", "request": request, "outcomes": outcomes}, None)
    assert answer["complete"] is complete
    body = boto3.client("s3").get_object(Bucket=LAKE, Key=answer["receipt"])["Body"].read().decode()
    assert json.loads(body)["complete"] is complete
    assert '"ada"' not in body
    assert answer["receipt"] in answer["cause"]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a user pool in another region than the function's, in which somebody is."""
    cognito = boto3.client("cognito-idp", region_name=OTHER)
    pool_id = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    cognito.admin_create_user(UserPoolId=pool_id, Username="ada")
    monkeypatch.setenv("USER_POOL_ID", pool_id)
    return cognito


def there(pool: Any) -> int:
    (pool_id,) = (each["Id"] for each in pool.list_user_pools(MaxResults=2)["UserPools"])
    return len(pool.list_users(UserPoolId=pool_id)["Users"])


def test_user_is_erased_in_the_pool_of_whatever_region_and_the_second_time_there_is_none(
    worker: ModuleType, pool: Any
) -> None:
    wanted = order("user-pool") | {"dry_run": False}
    counts = [worker.handler(wanted, Context())["erased"]["user pool"] for _ in range(2)]
    assert (counts, there(pool)) == ([1, 0], 0)


def test_dry_run_counts_the_user_and_leaves_them(worker: ModuleType, pool: Any) -> None:
    assert worker.handler(order("user-pool"), Context()) == {"done": True, "erased": {"user pool": 1}}
    assert there(pool) == 1
