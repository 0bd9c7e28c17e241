"""Lake, Aurora Global Database, Valkey and the Global Datastore, as multi-region AWS takes them."""

from __future__ import annotations

import pytest

from stacks.environment import load_environment
from tests.stacks.assembly import Assembly, Resource, walk

HOME = "us-east-1"
OTHERS = ("eu-west-1", "ap-southeast-1")
REGIONS = (HOME, *OTHERS)
GROUP = "AWS::ElastiCache::ReplicationGroup"


def cluster(assembly: Assembly, region: str) -> Resource:
    return assembly.one(region, "global-db", "AWS::RDS::DBCluster")


def member(assembly: Assembly, region: str) -> Resource:
    """The region's member of the Global Datastore."""
    name = f"richesreach-{assembly.environment}-{region}-global"
    return assembly.one(region, "global-db", GROUP, ReplicationGroupId=name)


@pytest.mark.parametrize("region", OTHERS)
def test_secondary_cluster_has_no_credentials_and_no_database_name(region: str, prod: Assembly) -> None:
    given = set(cluster(prod, region).properties)
    assert not given & {
        "MasterUsername",
        "MasterUserPassword",
        "ManageMasterUserPassword",
        "MasterUserSecret",
        "DatabaseName",
    }


def test_home_cluster_creates_the_database_with_credentials_by_reference(prod: Assembly) -> None:
    home = cluster(prod, HOME).properties
    assert home["DatabaseName"] == "richesreach"
    parts = home["MasterUserPassword"]["Fn::Join"][1]
    assert parts[0] == "{{resolve:secretsmanager:"
    assert ":SecretString:password" in parts[-1]


@pytest.mark.parametrize("region", REGIONS)
def test_member_cluster_leaves_the_engine_version_to_the_global_cluster(region: str, prod: Assembly) -> None:
    properties = cluster(prod, region).properties
    assert "EngineVersion" not in properties
    assert properties["GlobalClusterIdentifier"] == "richesreach-prod"


def test_global_cluster_owns_engine_and_version(prod: Assembly) -> None:
    owner = prod.one(HOME, "global-db", "AWS::RDS::GlobalCluster")
    assert owner.properties["Engine"] == "aurora-postgresql"
    assert owner.properties["EngineVersion"] == load_environment("prod").database.engine_version
    assert owner.properties["GlobalClusterIdentifier"] == "richesreach-prod"
    assert owner.logical_id in cluster(prod, HOME).depends_on
    assert not [r for r in OTHERS if prod.all(r, "global-db", "AWS::RDS::GlobalCluster")]


@pytest.mark.parametrize("region", REGIONS)
def test_cluster_is_encrypted_with_its_own_regions_key(region: str, prod: Assembly) -> None:
    key = prod.one(region, "global-db", "AWS::KMS::Key")
    properties = cluster(prod, region).properties
    assert properties["StorageEncrypted"] is True
    assert properties["KmsKeyId"] == {"Fn::GetAtt": [key.logical_id, "Arn"]}
    assert key.properties["EnableKeyRotation"] is True


@pytest.mark.parametrize("region", REGIONS)
def test_promotable_region_holds_an_instance(region: str, prod: Assembly) -> None:
    instances = prod.all(region, "global-db", "AWS::RDS::DBInstance")
    assert len(instances) == load_environment("prod").database.instances >= 1
    assert {instance.properties["DBInstanceClass"] for instance in instances} == {"db.serverless"}
    assert not any(instance.properties["PubliclyAccessible"] for instance in instances)


def database_secrets(assembly: Assembly, region: str) -> list[Resource]:
    name = f"richesreach/{assembly.environment}/database"
    found = assembly.all(region, "global-db", "AWS::SecretsManager::Secret")
    return [secret for secret in found if secret.properties["Name"] == name]


def test_secret_is_replicated_to_every_other_region(prod: Assembly) -> None:
    (made,) = database_secrets(prod, HOME)
    secret = made.properties
    assert {replica["Region"] for replica in secret["ReplicaRegions"]} == set(OTHERS)
    assert "SecretString" not in secret


def test_secret_exists_in_the_home_region_alone(prod: Assembly) -> None:
    assert not [r for r in OTHERS if database_secrets(prod, r)]


def test_secret_of_one_region_has_no_replicas(single: Assembly) -> None:
    (secret,) = database_secrets(single, "eu-central-1")
    assert "ReplicaRegions" not in secret.properties


def test_secret_reaches_compute_regions_that_hold_no_data(twelve: Assembly) -> None:
    (secret,) = database_secrets(twelve, HOME)
    assert len(secret.properties["ReplicaRegions"]) == 11


def test_compute_region_outside_the_data_regions_has_no_cluster(twelve: Assembly) -> None:
    with_cluster = [
        r for r in twelve.regions("global-db") if twelve.all(r, "global-db", "AWS::RDS::DBCluster")
    ]
    with_member = [r for r in twelve.regions("global-db") if len(twelve.all(r, "global-db", GROUP)) == 2]
    assert (len(with_cluster), len(with_member), len(twelve.regions("global-db"))) == (11, 3, 12)


def test_databases_admit_the_platforms_address_space_and_no_other(prod: Assembly) -> None:
    for region in REGIONS:
        for group in prod.all(region, "global-db", "AWS::EC2::SecurityGroup"):
            (rule,) = group.properties["SecurityGroupIngress"]
            assert rule["CidrIp"] == load_environment("prod").network.address_space


def test_global_datastore_lists_its_primary_only(prod: Assembly) -> None:
    group = prod.one(HOME, "global-db", "AWS::ElastiCache::GlobalReplicationGroup")
    assert group.properties["Members"] == [
        {
            "ReplicationGroupId": {"Ref": member(prod, HOME).logical_id},
            "ReplicationGroupRegion": HOME,
            "Role": "PRIMARY",
        }
    ]
    assert group.properties["GlobalReplicationGroupIdSuffix"] == "richesreach-prod"


@pytest.mark.parametrize("region", OTHERS)
def test_secondary_of_the_datastore_takes_the_global_id_by_weak_reference(
    region: str, prod: Assembly
) -> None:
    reference = member(prod, region).properties["GlobalReplicationGroupId"]["Fn::GetStackOutput"]
    assert (reference["StackName"], reference["Region"]) == (prod.stack_id(HOME, "global-db"), HOME)
    output = prod.templates[reference["StackName"]]["Outputs"][reference["OutputName"]]["Value"]
    group = prod.one(HOME, "global-db", "AWS::ElastiCache::GlobalReplicationGroup")
    assert output == {"Fn::GetAtt": [group.logical_id, "GlobalReplicationGroupId"]}


@pytest.mark.parametrize("region", OTHERS)
def test_secondary_of_the_datastore_omits_what_it_inherits(region: str, prod: Assembly) -> None:
    assert not set(member(prod, region).properties) & {
        "Engine",
        "EngineVersion",
        "CacheNodeType",
        "NumNodeGroups",
        "CacheParameterGroupName",
        "TransitEncryptionEnabled",
        "AtRestEncryptionEnabled",
    }


def test_primary_of_the_datastore_names_what_the_others_inherit(prod: Assembly) -> None:
    primary = member(prod, HOME).properties
    assert primary["Engine"] == "valkey"
    assert primary["TransitEncryptionEnabled"] is True
    assert primary["AtRestEncryptionEnabled"] is True
    assert "GlobalReplicationGroupId" not in primary


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_its_own_writable_cache_over_two_zones(region: str, prod: Assembly) -> None:
    cache = prod.one(region, "global-db", GROUP, ReplicationGroupId=f"richesreach-prod-{region}").properties
    assert "GlobalReplicationGroupId" not in cache
    assert cache["NumCacheClusters"] >= 2
    assert cache["MultiAZEnabled"] is cache["AutomaticFailoverEnabled"] is True
    assert cache["TransitEncryptionEnabled"] is True


@pytest.mark.parametrize("name", ["prod", "local", "single", "twelve"])
def test_no_cache_node_is_burstable(name: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    types = [value for t in assembly.templates.values() for key, value in walk(t) if key == "CacheNodeType"]
    assert types
    assert not [node for node in types if node.startswith("cache.t")]


def bucket(assembly: Assembly, region: str, kind: str) -> Resource:
    name = f"richesreach-{assembly.environment}-{kind}-111111111111-{region}"
    return assembly.one(region, "datalake", "AWS::S3::Bucket", BucketName=name)


@pytest.mark.parametrize("region", REGIONS)
def test_lake_is_encrypted_with_its_own_key_and_a_bucket_key(region: str, prod: Assembly) -> None:
    key = prod.one(region, "datalake", "AWS::KMS::Key")
    (rule,) = bucket(prod, region, "lake").properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key.logical_id, "Arn"]},
        },
    }


def test_log_bucket_is_encrypted_as_load_balancers_demand(prod: Assembly) -> None:
    for region in REGIONS:
        encryption = bucket(prod, region, "logs").properties["BucketEncryption"]
        (rule,) = encryption["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("kind", ["lake", "logs", "query"])
def test_bucket_is_versioned_private_and_owned_by_the_account(kind: str, prod: Assembly) -> None:
    for region in REGIONS:
        properties = bucket(prod, region, kind).properties
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("kind", ["lake", "logs", "query"])
def test_bucket_refuses_whoever_comes_without_tls(kind: str, prod: Assembly) -> None:
    for region in REGIONS:
        own = bucket(prod, region, kind).logical_id
        policy = prod.one(region, "datalake", "AWS::S3::BucketPolicy", Bucket={"Ref": own})
        statements = policy.properties["PolicyDocument"]["Statement"]
        denied = [s for s in statements if s["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [s["Condition"] for s in denied]
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in [s["Condition"] for s in denied]
        assert all(s["Principal"] == {"AWS": "*"} for s in denied)


@pytest.mark.parametrize("zone", ["raw", "processed", "curated", "metadata"])
def test_zone_of_the_lake_moves_down_as_configured(zone: str, prod: Assembly) -> None:
    lake = load_environment("prod").lake
    days = getattr(lake.zones, zone)
    expected = {
        "STANDARD_IA": days.standard_ia,
        "GLACIER_IR": days.glacier_instant,
        "GLACIER": days.glacier,
        "DEEP_ARCHIVE": days.deep_archive,
    }
    rules = bucket(prod, HOME, "lake").properties["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == f"{zone}/"]
    moves = {move["StorageClass"]: move["TransitionInDays"] for move in rule.get("Transitions", [])}
    assert moves == {storage: after for storage, after in expected.items() if after is not None}
    assert rule.get("ExpirationInDays") == days.expire
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": lake.noncurrent_days}
    assert rule["Status"] == "Enabled"


def test_interrupted_uploads_are_removed_anywhere_in_the_lake(prod: Assembly) -> None:
    rules = bucket(prod, HOME, "lake").properties["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "Prefix" not in rule
