"""The region's MSK cluster: brokers in every zone, known by IAM, and nothing of it public."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_msk as msk
from constructs import Construct

from stacks.base import Site, retention
from stacks.network.stack import DATA
from stacks.streaming.settings import StreamingSettings

#: Percent of a broker's storage at which it grows; what has grown never shrinks.
GROW_AT = 60

#: Kafka's own settings. Topics come from templates and nowhere else; a group that nobody reads in is
#: forgotten after a week; a message is at most what the services' producer sends.
PROPERTIES = {
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "offsets.retention.minutes": "10080",
    "message.max.bytes": "1048588",
    "log.message.timestamp.type": "CreateTime",
}


class StreamCluster(Construct):
    """Cluster, its configuration and its log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        settings: StreamingSettings,
        vpc: ec2.IVpc,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.settings = settings
        self.key = key
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Kafka from the tasks", allow_all_outbound=False
        )
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=site.names.stream_log_group,
            retention=retention(settings.log_days),
            encryption_key=key,
            removal_policy=site.removal_policy,
        )
        self.configuration = msk.CfnConfiguration(
            self,
            "Configuration",
            name=site.names.stream_cluster,
            description=f"Brokers of {site.names.prefix}",
            server_properties="\n".join(f"{name}={value}" for name, value in self._properties().items()),
        )
        self.resource = self._cluster(vpc)
        self.resource.apply_removal_policy(site.removal_policy)
        self._grow()
        self.path = self._publish_path()

    def _publish_path(self) -> str:
        """``<name>/<id>``, as the ARNs of topics and groups go on. Taken apart
        here: ``Fn::Split`` takes no value of another stack."""
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "ClusterPath", value=cdk.Fn.select(1, cdk.Fn.split(":cluster/", self.arn)))
        return cdk.Fn.get_stack_output(stack.stack_name, "ClusterPath", stack.region)

    @property
    def arn(self) -> str:
        return self.resource.attr_arn

    def _properties(self) -> dict[str, str]:
        settings = self.settings
        return PROPERTIES | {
            "default.replication.factor": str(settings.replicas),
            "min.insync.replicas": str(settings.replicas_in_sync),
        }

    def _cluster(self, vpc: ec2.IVpc) -> msk.CfnCluster:
        settings, cluster = self.settings, msk.CfnCluster
        zones = len(self.site.environment.regions[self.site.region].availability_zones)
        return cluster(
            self,
            "Cluster",
            cluster_name=self.site.names.stream_cluster,
            kafka_version=settings.kafka_version,
            number_of_broker_nodes=zones * settings.brokers_per_zone,
            broker_node_group_info=cluster.BrokerNodeGroupInfoProperty(
                client_subnets=vpc.select_subnets(subnet_group_name=DATA).subnet_ids,
                instance_type=settings.instance_type,
                security_groups=[self.security_group.security_group_id],
                broker_az_distribution="DEFAULT",
                # Connectivity from other networks must be off while the cluster is made, and nobody needs it.
                connectivity_info=cluster.ConnectivityInfoProperty(
                    public_access=cluster.PublicAccessProperty(type="DISABLED")
                ),
                storage_info=cluster.StorageInfoProperty(
                    ebs_storage_info=cluster.EBSStorageInfoProperty(volume_size=settings.storage.gib)
                ),
            ),
            client_authentication=self._authentication(),
            configuration_info=cluster.ConfigurationInfoProperty(
                arn=self.configuration.attr_arn,
                revision=self.configuration.attr_latest_revision_revision,
            ),
            encryption_info=cluster.EncryptionInfoProperty(
                encryption_at_rest=cluster.EncryptionAtRestProperty(data_volume_kms_key_id=self.key.key_arn),
                encryption_in_transit=cluster.EncryptionInTransitProperty(
                    client_broker="TLS" if settings.security == "iam" else "PLAINTEXT", in_cluster=True
                ),
            ),
            enhanced_monitoring=settings.monitoring,
            open_monitoring=self._exporters() if settings.open_monitoring else None,
            logging_info=cluster.LoggingInfoProperty(
                broker_logs=cluster.BrokerLogsProperty(
                    cloud_watch_logs=cluster.CloudWatchLogsProperty(
                        enabled=True, log_group=self.log_group.log_group_name
                    )
                )
            ),
        )

    def _authentication(self) -> msk.CfnCluster.ClientAuthenticationProperty:
        cluster, by_iam = msk.CfnCluster, self.settings.security == "iam"
        return cluster.ClientAuthenticationProperty(
            sasl=cluster.SaslProperty(iam=cluster.IamProperty(enabled=by_iam)),
            unauthenticated=cluster.UnauthenticatedProperty(enabled=not by_iam),
        )

    @staticmethod
    def _exporters() -> msk.CfnCluster.OpenMonitoringProperty:
        cluster = msk.CfnCluster
        return cluster.OpenMonitoringProperty(
            prometheus=cluster.PrometheusProperty(
                jmx_exporter=cluster.JmxExporterProperty(enabled_in_broker=True),
                node_exporter=cluster.NodeExporterProperty(enabled_in_broker=True),
            )
        )

    def _scaler(self) -> str:
        """The role that Application Auto Scaling makes for itself at the first target of this kind."""
        name = "AWSServiceRoleForApplicationAutoScaling_KafkaCluster"
        path = "aws-service-role/kafka.application-autoscaling.amazonaws.com"
        return f"arn:aws:iam::{self.site.account}:role/{path}/{name}"

    def _grow(self) -> None:
        """Storage follows its use; a full broker stops every partition that it leads."""
        storage = self.settings.storage
        if storage.most_gib == storage.gib:
            return
        target = autoscaling.ScalableTarget(
            self,
            "Storage",
            service_namespace=autoscaling.ServiceNamespace.KAFKA,
            scalable_dimension="kafka:broker-storage:VolumeSize",
            resource_id=self.arn,
            min_capacity=1,
            max_capacity=storage.most_gib,
            role=iam.Role.from_role_arn(self, "Scaler", self._scaler(), mutable=False),
        )
        target.scale_to_track_metric(
            "Use",
            target_value=GROW_AT,
            predefined_metric=autoscaling.PredefinedMetric.KAFKA_BROKER_STORAGE_UTILIZATION,
            disable_scale_in=True,
        )
