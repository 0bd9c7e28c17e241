"""What each kind of access to a zone of the lake may do, as policy statements.

Reader: reads the zone and queries its tables. Writer: also adds objects and commits to its tables, and
deletes nothing. Steward: also deletes, restores from the archive and changes tables.
"""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_iam as iam

from stacks.base import Site
from stacks.datalake.schemas import tables_of

Access = Literal["reader", "writer", "steward"]
ACCESSES: tuple[Access, ...] = ("reader", "writer", "steward")

#: Zones whose objects are read through tables; metadata is read as objects.
TABLE_ZONES = ("raw", "processed", "curated")

_OBJECTS: dict[Access, list[str]] = {
    "reader": ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"],
    "writer": [
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    ],
    "steward": [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectTagging",
        "s3:RestoreObject",
        "s3:GetObjectRetention",
        "s3:PutObjectLegalHold",
    ],
}

_TABLES: dict[Access, list[str]] = {
    "reader": ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"],
    "writer": ["glue:UpdateTable"],
    "steward": ["glue:CreateTable", "glue:DeleteTable", "glue:GetTableVersions"],
}

_QUERIES = [
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
]


def statements(site: Site, zone: str, access: Access, key_arn: str) -> list[iam.PolicyStatement]:
    """What ``access`` to ``zone`` means, queries aside; each kind holds what the kind before it does."""
    held = ACCESSES[: ACCESSES.index(access) + 1]
    made = [_listing(site, zone, access), _objects(site, zone, held), _key(site, access, key_arn)]
    if zone in TABLE_ZONES:
        made.append(_tables(site, zone, held))
    return made


def _bucket(site: Site) -> str:
    return f"arn:aws:s3:::{site.names.lake_bucket(site.account, site.region)}"


def _listing(site: Site, zone: str, access: Access) -> iam.PolicyStatement:
    versions = ["s3:ListBucketVersions"] if access == "steward" else []
    return iam.PolicyStatement(
        sid="ListZone",
        actions=["s3:ListBucket", *versions],
        resources=[_bucket(site)],
        conditions={"StringLike": {"s3:prefix": [f"{zone}/*"]}},
    )


def _objects(site: Site, zone: str, held: tuple[Access, ...]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="ObjectsOfZone",
        actions=[action for access in held for action in _OBJECTS[access]],
        resources=[f"{_bucket(site)}/{zone}/*"],
    )


def _key(site: Site, access: Access, key_arn: str) -> iam.PolicyStatement:
    """The lake's key, through S3 of this region alone. A multipart upload decrypts what it completes."""
    generate = [] if access == "reader" else ["kms:GenerateDataKey"]
    return iam.PolicyStatement(
        sid="KeyThroughS3",
        actions=["kms:Decrypt", *generate],
        resources=[key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"s3.{site.region}.amazonaws.com"}},
    )


def _tables(site: Site, zone: str, held: tuple[Access, ...]) -> iam.PolicyStatement:
    glue, database = f"arn:aws:glue:{site.region}:{site.account}", site.names.lake_database(zone)
    return iam.PolicyStatement(
        sid="TablesOfZone",
        actions=[action for access in held for action in _TABLES[access]],
        resources=[
            f"{glue}:catalog",
            f"{glue}:database/{database}",
            *(f"{glue}:table/{database}/{table}" for table in tables_of(zone)),
        ],
    )


def queries(site: Site) -> list[iam.PolicyStatement]:
    """Athena works with its caller's rights: it reads the zone and writes the result as the caller."""
    results = f"arn:aws:s3:::{site.names.query_bucket(site.account, site.region)}"
    return [
        iam.PolicyStatement(
            sid="Queries",
            actions=_QUERIES,
            resources=[
                f"arn:aws:athena:{site.region}:{site.account}:workgroup/{site.names.workgroup}",
            ],
        ),
        iam.PolicyStatement(
            sid="ResultBucket",
            actions=["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
            resources=[results],
        ),
        iam.PolicyStatement(
            sid="Results",
            actions=["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
            resources=[f"{results}/results/*"],
        ),
    ]
