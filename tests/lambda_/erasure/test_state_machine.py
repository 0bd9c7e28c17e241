"""The erasure as it runs: the real state machine and functions on a local AWS, over real servers."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from ops.erasure import erase
from ops.errors import OperationError
from ops.local.aws import ACCOUNT
from stacks.environment import load_environment
from stacks.security.erasure import DEFINITION
from tests.lambda_.erasure.conftest import LAMBDA, MASTER, Postgres
from tests.lambda_.erasure.test_cache import PATTERNS
from tests.lambda_.erasure.test_database import ACCOUNTS
from tests.lambda_.erasure.test_lake import PREFIXES
from tests.ops.types.conftest import LocalAws, start_server

LOCAL = load_environment("local")
WRITER, OTHER = LOCAL.writer_region, "eu-west-1"
REGIONS = (WRITER, OTHER)
LAKES = {region: LOCAL.names.lake_bucket(ACCOUNT, region) for region in REGIONS}
ROLE = "arn:aws:iam::000000000000:role/erasure"
STEPS = [{"region": WRITER, "store": "database"}, {"region": WRITER, "store": "cache"}]
EVERYWHERE = "lake"
SERVING = "/rr/edge/regions"
OBJECT = "raw/user_events/subject=ada/1.json"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server, local_aws = start_server(tmp_path_factory.mktemp("local-aws"))
    try:
        yield local_aws
    finally:
        server.terminate()
        server.wait(timeout=20)


def packed(folder: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for file in sorted((LAMBDA / folder).glob("*.py")):
            archive.write(file, file.name)
    return held.getvalue()


def function(aws: LocalAws, region: str, name: str, folder: str, variables: dict[str, str]) -> str:
    made = aws.client("lambda", region).create_function(
        FunctionName=name,
        Runtime="python3.14",
        Handler="index.handler",
        Role=ROLE,
        Timeout=300,
        Code={"ZipFile": packed(folder)},
        Environment={"Variables": variables},
    )
    return str(made["FunctionArn"])


def quick(states: dict[str, Any]) -> dict[str, Any]:
    """The definition with pauses of a second between attempts."""
    for state in states.values():
        for retry in state.get("Retry", []):
            retry.update(IntervalSeconds=1, BackoffRate=1.0, MaxAttempts=1)
        if "ItemProcessor" in state:
            quick(state["ItemProcessor"]["States"])
    return states


def serve(aws: LocalAws, *regions: str) -> None:
    """What the edge publishes."""
    aws.client("ssm", OTHER).put_parameter(
        Name=SERVING, Value=",".join(regions), Type="String", Overwrite=True
    )


@pytest.fixture(scope="module")
def machine(aws: LocalAws, postgres: Postgres, valkey: int) -> str:
    """ARN of the state machine, with everything that it reaches."""
    for region in REGIONS:
        s3, ssm = aws.client("s3", region), aws.client("ssm", region)
        where = {} if region == WRITER else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=LAKES[region], **where)
        s3.put_bucket_versioning(Bucket=LAKES[region], VersioningConfiguration={"Status": "Enabled"})
        for name in ("cache-primary", "database-endpoint"):
            ssm.put_parameter(Name=f"/rr/global-db/{name}", Value="127.0.0.1", Type="String")
        aws.client("secretsmanager", region).create_secret(
            Name="rr/database",
            SecretString=json.dumps({"username": MASTER.user, "password": MASTER.password}),
        )
        variables = {
            "LAKE_BUCKET": LAKES[region],
            "LAKE_PREFIXES": json.dumps(PREFIXES),
            "CACHE_PATTERNS": json.dumps(PATTERNS),
            "CACHE_PORT": str(valkey),
            "CACHE_TLS": "false",
            "DATABASE_PORT": str(postgres.port),
            "DATABASE_TLS": "false",
            "DATABASE_LOGIN": "rr/database",
            "PARAMETERS": "/rr/global-db",
        }
        function(aws, region, "erasure", "erasure", variables)
    control = function(
        aws,
        WRITER,
        "erasure-control",
        "erasure_control",
        {
            "LAKE_BUCKET": LAKES[WRITER],
            "WORKER": "erasure",
            "STEPS": json.dumps(STEPS),
            "EVERYWHERE": EVERYWHERE,
            "REGIONS_HOME": OTHER,
            "REGIONS_PARAMETER": SERVING,
        },
    )
    serve(aws, *REGIONS)
    definition = json.loads(DEFINITION.read_text().replace("${Control}", control))
    quick(definition["States"])
    made = aws.client("stepfunctions", WRITER).create_state_machine(
        name=LOCAL.names.erasure, definition=json.dumps(definition), roleArn=ROLE
    )
    return str(made["stateMachineArn"])


@pytest.fixture
def ada(aws: LocalAws, machine: str, postgres: Postgres, cache: Any, valkey: int) -> Iterator[None]:
    """A person of whom every store holds something, beside one of whom nobody asks anything."""
    for region in REGIONS:
        aws.client("s3", region).put_object(Bucket=LAKES[region], Key=OBJECT, Body=b"{}")
    for statement in (
        "create schema accounts",
        "create table accounts.people (id text primary key)",
        "insert into accounts.people values ('ada'), ('alan')",
        ACCOUNTS,
    ):
        postgres.sql(statement)
    with cache.connect("127.0.0.1", valkey, False, {}) as server:
        server.call("FLUSHALL")
        server.call("SET", "session:ada:1", "x")
        server.call("SET", "session:alan:1", "x")
    yield
    postgres.sql("drop schema accounts cascade")


def run(aws: LocalAws, machine: str, **request: Any) -> dict[str, Any]:
    """The execution, ended."""
    states = aws.client("stepfunctions", WRITER)
    asked = {"subject": "ada", "dry_run": False, "requested_by": "dpo@richesreach.example", **request}
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(asked))["executionArn"]
    while True:
        execution: dict[str, Any] = states.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)


def receipt(aws: LocalAws, execution: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(b"ada").hexdigest()
    key = f"metadata/erasure/{digest}/{execution['name']}.json"
    body = aws.client("s3", WRITER).get_object(Bucket=LAKES[WRITER], Key=key)["Body"].read()
    assert b'"ada"' not in body
    written: dict[str, Any] = json.loads(body)
    return written


def counts(written: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (each["step"]["region"], each["step"]["store"]): sum(each["result"]["erased"].values())
        for each in written["steps"]
        if each["status"] == "done"
    }


def objects(aws: LocalAws, region: str) -> list[str]:
    listed = aws.client("s3", region).list_object_versions(Bucket=LAKES[region], Prefix="raw/")
    return [each["Key"] for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


@pytest.mark.usefixtures("ada")
def test_person_is_gone_from_every_store_of_every_region_and_a_receipt_says_so(
    aws: LocalAws, machine: str, postgres: Postgres, cache: Any, valkey: int
) -> None:
    execution = run(aws, machine)
    assert execution["status"] == "SUCCEEDED", execution
    assert [objects(aws, region) for region in REGIONS] == [[], []]
    assert postgres.sql("select id from accounts.people") == [("alan",)]
    with cache.connect("127.0.0.1", valkey, False, {}) as server:
        assert server.call("KEYS", "*") == [b"session:alan:1"]
    written = receipt(aws, execution)
    assert written["complete"] is True
    assert written["requested_by"] == "dpo@richesreach.example"
    assert written["subject_sha256"] == hashlib.sha256(b"ada").hexdigest()
    assert counts(written) == {
        (WRITER, "database"): 1,
        (WRITER, "cache"): 1,
        (WRITER, "lake"): 1,
        (OTHER, "lake"): 1,
    }


@pytest.mark.usefixtures("ada")
def test_dry_run_counts_the_same_and_leaves_everything(
    aws: LocalAws, machine: str, postgres: Postgres
) -> None:
    execution = run(aws, machine, dry_run=True)
    written = receipt(aws, execution)
    assert written["dry_run"] is True
    assert set(counts(written).values()) == {1}
    assert [objects(aws, region) for region in REGIONS] == [[OBJECT], [OBJECT]]
    assert len(postgres.sql("select id from accounts.people")) == 2


@pytest.mark.usefixtures("ada")
def test_store_that_fails_stops_no_other_and_a_second_run_completes_the_erasure(
    aws: LocalAws, machine: str, postgres: Postgres
) -> None:
    postgres.sql("alter table accounts.people rename to hidden")
    failed = run(aws, machine)
    assert failed["status"] == "FAILED"
    assert failed["error"] == "ErasureIncomplete"
    assert "database of us-east-1" in failed["cause"]
    written = receipt(aws, failed)
    assert written["complete"] is False
    assert set(counts(written)) == {(WRITER, "cache"), (WRITER, "lake"), (OTHER, "lake")}
    (broken,) = [each for each in written["steps"] if each["status"] == "failed"]
    assert "accounts.people" in json.dumps(broken["error"])

    postgres.sql("alter table accounts.hidden rename to people")
    again = run(aws, machine)
    assert again["status"] == "SUCCEEDED"
    assert counts(receipt(aws, again)) == {
        (WRITER, "database"): 1,
        (WRITER, "cache"): 0,
        (WRITER, "lake"): 0,
        (OTHER, "lake"): 0,
    }


@pytest.mark.parametrize("subject", ["", "*", "ada/../alan", "a b", "subject=ada", "x" * 129, None, 7])
def test_request_that_names_no_single_person_erases_nothing(
    subject: Any, aws: LocalAws, machine: str
) -> None:
    execution = run(aws, machine, subject=subject)
    assert execution["status"] == "FAILED"
    assert "the subject is no id" in execution["cause"]


@pytest.fixture
def console(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Console:
    """What the command prints to, where it takes this server for the local AWS."""
    monkeypatch.setenv("RICHESREACH_AWS_PORT", aws.endpoint.rsplit(":", 1)[1])
    monkeypatch.setattr("ops.erasure.POLL_SECONDS", 0.1)
    return Console(record=True, width=200)


@pytest.mark.usefixtures("ada", "machine")
def test_command_shows_what_it_erased_and_where_the_receipt_is(aws: LocalAws, console: Console) -> None:
    erase(console, "local", "ada", dry_run=False, requested_by="dpo@richesreach.example")
    shown = console.export_text()
    assert f"receipt s3://{LAKES[WRITER]}/metadata/erasure/" in shown
    (row,) = [line for line in shown.splitlines() if line.startswith(WRITER) and "database" in line]
    assert "done" in row
    assert objects(aws, OTHER) == []


@pytest.mark.usefixtures("ada", "machine")
def test_command_that_could_not_erase_everything_fails_with_its_runbook(
    postgres: Postgres, console: Console
) -> None:
    postgres.sql("alter table accounts.people rename to hidden")
    with pytest.raises(OperationError, match=r"docs/runbooks/erasure-failed\.md and run it again"):
        erase(console, "local", "ada", dry_run=False, requested_by=None)
    assert "accounts.people" in console.export_text()


@pytest.mark.usefixtures("machine")
def test_command_for_no_single_person_says_what_an_id_is(console: Console) -> None:
    with pytest.raises(OperationError, match="the erasure failed: the subject is no id"):
        erase(console, "local", "*", dry_run=True, requested_by=None)


@pytest.mark.usefixtures("ada")
def test_region_that_joined_is_erased_in_too_and_none_that_nobody_serves_from(
    aws: LocalAws, machine: str
) -> None:
    serve(aws, WRITER)
    assert (OTHER, "lake") not in counts(receipt(aws, run(aws, machine, dry_run=True)))
    serve(aws, *REGIONS)
    assert counts(receipt(aws, run(aws, machine, dry_run=True)))[OTHER, "lake"] == 1
