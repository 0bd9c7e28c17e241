"""The lake's tables, queries and roles: what is read how, and who may do what in which zone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stacks.datalake.schemas import DATASETS, SCHEMA_BY_NAME, documents, tables_of
from stacks.environment import load_environment
from tests.stacks.assembly import Assembly
from tests.stacks.lake import BUCKET, HOME, ZONES, allows, listed


def policy(assembly: Assembly, zone: str, access: str) -> list[dict[str, Any]]:
    name = f"richesreach-prod-{HOME}-lake-{zone}-{access}"
    found = assembly.one(HOME, "lake-catalogue", "AWS::IAM::ManagedPolicy", ManagedPolicyName=name)
    statements: list[dict[str, Any]] = found.properties["PolicyDocument"]["Statement"]
    return statements


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("access", "may", "may_not"),
    [
        ("reader", ["s3:GetObject"], ["s3:PutObject", "s3:DeleteObject", "s3:RestoreObject"]),
        ("writer", ["s3:GetObject", "s3:PutObject"], ["s3:DeleteObject", "s3:DeleteObjectVersion"]),
        ("steward", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:RestoreObject"], []),
    ],
)
def test_role_does_its_work_in_its_zone_and_none_elsewhere(
    zone: str, access: str, may: list[str], may_not: list[str], prod: Assembly
) -> None:
    statements = policy(prod, zone, access)
    for action in may:
        assert allows(statements, action, f"{BUCKET}/{zone}/a/b")
    for action in may_not:
        assert not allows(statements, action, f"{BUCKET}/{zone}/a/b")
    elsewhere = [f"{BUCKET}/{other}/a" for other in ZONES if other != zone]
    elsewhere += [f"{BUCKET}/{zone}x/a", f"{BUCKET}/top", f"{BUCKET}x/{zone}/a"]
    for action in may + may_not:
        assert not [place for place in elsewhere if allows(statements, action, place)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("access", ["reader", "writer", "steward"])
def test_role_lists_its_zone_alone(zone: str, access: str, prod: Assembly) -> None:
    (listing,) = [s for s in policy(prod, zone, access) if "s3:ListBucket" in listed(s["Action"])]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": [f"{zone}/*"]}}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("access", ["reader", "writer", "steward"])
def test_role_uses_the_lakes_key_through_s3_only(zone: str, access: str, prod: Assembly) -> None:
    (statement,) = [s for s in policy(prod, zone, access) if "kms:Decrypt" in listed(s["Action"])]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{HOME}.amazonaws.com"}}
    assert statement["Resource"] != "*"
    assert ("kms:GenerateDataKey" in listed(statement["Action"])) is (access != "reader")


def test_no_role_of_the_lake_has_a_wildcard_action_or_resource(prod: Assembly) -> None:
    for resource in prod.all(HOME, "lake-catalogue", "AWS::IAM::ManagedPolicy"):
        for statement in resource.properties["PolicyDocument"]["Statement"]:
            assert not [action for action in listed(statement["Action"]) if "*" in action]
            wild = [r for r in listed(statement["Resource"]) if isinstance(r, str) and "*" in r]
            assert all(re.search(r":::[a-z0-9-]+/[a-z/]+/\*$", each) for each in wild), wild


def test_role_is_taken_by_who_carries_its_tag(prod: Assembly) -> None:
    name = f"richesreach-prod-{HOME}-lake-raw-writer"
    role = prod.one(HOME, "lake-catalogue", "AWS::IAM::Role", RoleName=name)
    (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:PrincipalTag/lake-raw": "writer"}}


@pytest.mark.parametrize("zone", ["raw", "processed"])
def test_table_has_the_schemas_columns_and_projects_its_partitions(zone: str, prod: Assembly) -> None:
    found = {
        table.properties["TableInput"]["Name"]: table.properties["TableInput"]
        for table in prod.all(HOME, "lake-catalogue", "AWS::Glue::Table")
        if table.properties["DatabaseName"] == f"richesreach_prod_{zone}"
    }
    assert set(found) == set(tables_of(zone))
    for name, table in found.items():
        columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        partitions = [column["Name"] for column in table["PartitionKeys"]]
        schema = tables_of(zone)[name][0].schema
        assert set(columns) | set(partitions) == {field.name for field in schema.fields} | {
            "region",
            "dt",
        } | (set(partitions) & {"source", "hour"})
        assert not set(columns) & set(partitions)
        template = table["Parameters"]["storage.location.template"]
        assert all(f"${{{partition}}}" in template for partition in partitions)
        permitted = load_environment("prod").permitted_regions
        assert table["Parameters"]["projection.region.values"].split(",") == permitted


@pytest.mark.parametrize("name", ["market_ticks", "bars", "technical_indicators"])
def test_table_over_parquet_reads_what_the_manifests_name_hour_by_hour(name: str, prod: Assembly) -> None:
    (table,) = [
        each.properties["TableInput"]
        for each in prod.all(HOME, "lake-catalogue", "AWS::Glue::Table")
        if each.properties["TableInput"]["Name"] == name
    ]
    (dataset,) = [each for each in DATASETS if each.name == name]
    storage = table["StorageDescriptor"]
    assert storage["InputFormat"] == "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert [each["Name"] for each in table["PartitionKeys"]] == ["region", "dt", "hour"]
    assert table["Parameters"]["storage.location.template"].endswith(
        f"/{dataset.manifest_partition('${region}', '${dt}')}hour=${{hour}}/"
    )
    assert (table["Parameters"]["projection.hour.range"], table["Parameters"]["projection.hour.digits"]) == (
        "0,23",
        "2",
    )


def test_market_data_of_every_source_is_one_table(prod: Assembly) -> None:
    (table,) = [
        each.properties["TableInput"]
        for each in prod.all(HOME, "lake-catalogue", "AWS::Glue::Table")
        if each.properties["TableInput"]["Name"] == "market_data"
    ]
    assert table["Parameters"]["projection.source.values"] == "polygon,finnhub,coingecko"
    assert table["Parameters"]["storage.location.template"].endswith(
        "/raw/market_data/${source}/region=${region}/dt=${dt}/"
    )


def test_curated_tables_are_iceberg_and_stay_with_the_data(prod: Assembly) -> None:
    found = {
        table.properties["Name"]: table
        for table in prod.all(HOME, "datalake", "AWS::Glue::Table")
        if "Name" in table.properties
    }
    assert set(found) == {each.schema.name for each in DATASETS if each.zone == "curated"}
    for name, table in found.items():
        given = table.properties["OpenTableFormatInput"]["IcebergInput"]
        assert (given["MetadataOperation"], given["Version"]) == ("CREATE", "2")
        fields = given["IcebergTableInput"]["Schema"]["Fields"]
        assert [field["Name"] for field in fields] == [field.name for field in SCHEMA_BY_NAME[name].fields]
        assert given["IcebergTableInput"]["Location"].endswith(f"/curated/{name}/iceberg/region={HOME}")
        assert table.whole["DeletionPolicy"] == "Retain"


def test_published_documents_are_the_schemas_of_this_checkout(prod: Assembly) -> None:
    published = prod.one(HOME, "lake-catalogue", "Custom::LakeSchemas").properties["Documents"]
    assert published == documents()
    assert {
        f"metadata/schemas/{name}.json" for name in ("market_data", "technical_indicators", "sentiment")
    } <= set(published)


def test_queries_cannot_scan_without_limit_or_write_in_the_clear(prod: Assembly) -> None:
    given = prod.one(HOME, "lake-catalogue", "AWS::Athena::WorkGroup").properties["WorkGroupConfiguration"]
    assert given["EnforceWorkGroupConfiguration"] is True
    assert given["BytesScannedCutoffPerQuery"] == load_environment("prod").lake.query.scan_limit_gb * 1e9
    result = given["ResultConfiguration"]
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert result["OutputLocation"] == f"s3://richesreach-prod-query-111111111111-{HOME}/results/"


def test_catalogue_can_be_made_again_without_loss(prod: Assembly) -> None:
    types = {r["Type"] for r in prod.templates[prod.stack_id(HOME, "lake-catalogue")]["Resources"].values()}
    assert not types & {"AWS::S3::Bucket", "AWS::KMS::Key"}
