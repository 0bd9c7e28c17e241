"""edge-state: what must outlive a distribution. Identities, the origin-verify values, the logs."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs
from stacks.edge.identity import Identity
from stacks.naming import SERVICE_CLIENT
from stacks.secret import replicated_secret

#: Letters and digits alone: a listener rule reads * and ? as wildcards.
SECRET_LENGTH = 64

#: Who writes the logs of the distribution and of the web ACL.
DELIVERY = "delivery.logs.amazonaws.com"


class EdgeStateStack(PlatformStack):
    """One stack, in us-east-1, before every load balancer: their rules name the secrets.

    ``secrets_keys`` are those of every region that has the secrets, for who rotates them.
    """

    def __init__(self, scope: Construct, site: Site, secrets_keys: Mapping[str, kms.IKey]) -> None:
        super().__init__(
            scope, site, "edge-state", description="Identities, origin secret and logs of the edge"
        )
        names = site.names
        self.secrets_keys = secrets_keys
        self.origin_secret = self._secret("OriginSecret", names.origin_secret, "value in use")
        self.previous_origin_secret = self._secret(
            "PreviousOriginSecret", names.previous_origin_secret, "value before the one in use"
        )
        self.log_key = self._log_key()
        self.identity = Identity(self, "Identity", site=site)
        self._service_client()
        self.log_bucket = self._log_bucket() if site.environment.edge.logs else None
        self._publish()

    def _secret(self, construct_id: str, name: str, what: str) -> secretsmanager.Secret:
        return replicated_secret(
            self,
            construct_id,
            site=self.site,
            name=name,
            description=f"Origin-verify header: the {what}",
            generate=secretsmanager.SecretStringGenerator(
                password_length=SECRET_LENGTH, exclude_punctuation=True
            ),
            copied=True,
        )

    def _service_client(self) -> None:
        """What the services show the token endpoint, for tasks to get by reference in every region.

        CloudFormation reads the client's secret while it deploys; it stands in no template.
        """
        client = self.identity.neighbours
        resource = client.node.default_child
        if not isinstance(resource, cognito.CfnUserPoolClient):
            raise TypeError(f"{client.node.path} has no resource of its own")
        value = {"client_id": client.user_pool_client_id, "client_secret": resource.attr_client_secret}
        replicated_secret(
            self,
            "ServiceClient",
            site=self.site,
            name=self.site.names.secret(SERVICE_CLIENT),
            description="The services' own client of the user pool",
            text=cdk.SecretValue.unsafe_plain_text(self.to_json_string(value)),
            copied=True,
        )

    def _log_key(self) -> kms.Key:
        """Of the edge's access logs and of its functions' own."""
        site = self.site
        key = kms.Key(
            self,
            "LogKey",
            alias=f"{site.names.prefix}-edge-logs",
            description=f"Logs of the edge of {site.names.prefix}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        allow_logs(key, site, f"/{site.names.prefix}/*")
        allow_logs(key, site, f"/aws/lambda/{site.region}.{site.names.prefix}-*")
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogDelivery",
                principals=[iam.ServicePrincipal(DELIVERY)],
                actions=[
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
                resources=["*"],  # in a key policy that is the key itself
                conditions=_own(site),
            )
        )
        return key

    def _log_bucket(self) -> s3.Bucket:
        """Under a key of its own: log delivery may use no key that AWS manages."""
        site = self.site
        days = cdk.Duration.days(site.environment.edge.logs.days if site.environment.edge.logs else 1)
        bucket = s3.Bucket(
            self,
            "Logs",
            bucket_name=site.names.edge_log_bucket(site.account),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.log_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-logs",
                    expiration=days,
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=site.removal_policy,
        )
        for statement in _log_delivery(bucket, site):
            bucket.add_to_resource_policy(statement)
        return bucket

    def _publish(self) -> None:
        """What services and ops need to verify and to get a token."""
        values = {
            "user-pool-id": self.identity.pool.user_pool_id,
            "token-issuer": self.identity.issuer,
            "web-client-id": self.identity.web.user_pool_client_id,
            "service-client-id": self.identity.service.user_pool_client_id,
        }
        for name, value in values.items():
            ssm.StringParameter(
                self,
                f"Parameter-{name}",
                parameter_name=self.site.names.parameter("edge", name),
                string_value=value,
            )


def _own(site: Site) -> dict[str, dict[str, str]]:
    """Log delivery acts for every account: here for this one's deliveries alone."""
    return {
        "StringEquals": {"aws:SourceAccount": site.account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{site.region}:{site.account}:*"},
    }


def _log_delivery(bucket: s3.Bucket, site: Site) -> list[iam.PolicyStatement]:
    """What CloudWatch Logs needs to deliver ("Logs sent to Amazon S3", CloudWatch Logs user guide)."""
    own = _own(site)
    return [
        iam.PolicyStatement(
            sid="LogDeliveryWrite",
            principals=[iam.ServicePrincipal(DELIVERY)],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(f"AWSLogs/{site.account}/*")],
            conditions={
                **own,
                "StringEquals": {**own["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"},
            },
        ),
        iam.PolicyStatement(
            sid="LogDeliveryCheck",
            principals=[iam.ServicePrincipal(DELIVERY)],
            actions=["s3:GetBucketAcl", "s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions=own,
        ),
    ]
