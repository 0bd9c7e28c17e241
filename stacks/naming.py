"""Every deterministic name of the platform: shared by the stacks, the environment of Lambdas, and ops.

Names are built here and nowhere else, so that a stack in one region can name what a stack in another
region creates without a cross-region reference.
"""

from __future__ import annotations

from dataclasses import dataclass

PROJECT = "richesreach"

#: Header by which a load balancer knows that a request came through this platform's distribution.
ORIGIN_VERIFY_HEADER = "x-origin-verify"

#: Secret with the id and the secret of the services' own client of the user pool.
SERVICE_CLIENT = "service-client"

#: Name, below the prefix, of what rotates the database's password.
ROTATION = "rotation"

#: Longest id of a replication group (CreateReplicationGroup, ElastiCache API reference).
MAX_REPLICATION_GROUP = 40


@dataclass(frozen=True)
class Names:
    """Names of one environment (``local``, ``prod``, ...)."""

    environment: str

    @property
    def prefix(self) -> str:
        return f"{PROJECT}-{self.environment}"

    def stack(self, region: str, area: str) -> str:
        """Stack id: ``richesreach-<env>-<region>-<area>``."""
        return f"{self.prefix}-{region}-{area}"

    def parameter(self, area: str, name: str) -> str:
        """SSM parameter of a region: ``/richesreach/<env>/<area>/<name>``."""
        return f"/{PROJECT}/{self.environment}/{area}/{name}"

    def secret(self, name: str) -> str:
        """Secrets Manager name, the same in every region it is replicated to."""
        return f"{PROJECT}/{self.environment}/{name}"

    def log_group(self, area: str, name: str) -> str:
        return f"/{self.prefix}/{area}/{name}"

    def lake_bucket(self, account: str, region: str) -> str:
        return f"{self.prefix}-lake-{account}-{region}"

    def log_bucket(self, account: str, region: str) -> str:
        return f"{self.prefix}-logs-{account}-{region}"

    def query_bucket(self, account: str, region: str) -> str:
        return f"{self.prefix}-query-{account}-{region}"

    def lake_database(self, zone: str) -> str:
        """Glue database of a zone; SQL would have to quote a hyphen."""
        return f"{self.prefix}-{zone}".replace("-", "_")

    def lake_role(self, region: str, zone: str, access: str) -> str:
        """IAM role and managed policy of one kind of access to one zone; both are global names."""
        return f"{self.prefix}-{region}-lake-{zone}-{access}"

    def lake_replication_role(self, region: str) -> str:
        return f"{self.prefix}-{region}-lake-replication"

    @property
    def workgroup(self) -> str:
        """Athena workgroup of a region."""
        return f"{self.prefix}-lake"

    def boundary(self, region: str) -> str:
        """Managed policy that bounds every role of a region's stacks; IAM's names are global."""
        return f"{self.prefix}-{region}-boundary"

    @property
    def secrets_key(self) -> str:
        """Alias of the key of a region's secrets, without ``alias/``; the same in each region, so that a copy
        of a secret names it before anybody knows its id."""
        return f"{self.prefix}-secrets"

    @property
    def deploy_role(self) -> str:
        """IAM role of the workflow that deploys."""
        return f"{self.prefix}-deploy"

    @property
    def look_role(self) -> str:
        """IAM role of the workflows that only look: plan, smoke test, drift."""
        return f"{self.prefix}-look"

    def audit_bucket(self, account: str, region: str) -> str:
        return f"{self.prefix}-audit-{account}-{region}"

    @property
    def audit_key(self) -> str:
        """Alias of the key of the audit bucket, without ``alias/``."""
        return f"{self.prefix}-audit"

    @property
    def trail(self) -> str:
        return self.prefix

    def topic(self, severity: str) -> str:
        """SNS topic of a region that tells of its pages, or of its tickets."""
        return f"{self.prefix}-{severity}"

    @property
    def region_alarm(self) -> str:
        """Composite alarm of a region, which ends a drill there."""
        return f"{self.prefix}-region-impaired"

    @property
    def erasure(self) -> str:
        """State machine (writer region) and each region's function that erase what is kept about a person."""
        return f"{self.prefix}-erasure"

    @property
    def erasure_control(self) -> str:
        """Function in the writer region that the state machine asks."""
        return f"{self.erasure}-control"

    @property
    def global_cluster(self) -> str:
        return self.prefix

    def database_cluster(self, region: str) -> str:
        return f"{self.prefix}-{region}"

    def database_instance(self, region: str, number: int) -> str:
        return f"{self.prefix}-{region}-{number}"

    def cache(self, region: str) -> str:
        """Id of the region's own, writable replication group."""
        return f"{self.prefix}-{region}"

    def global_cache_member(self, region: str) -> str:
        """Id of the region's member of the Global Datastore.

        Where it would exceed what ElastiCache takes, the region is written as in a zone id (``apse1``).
        """
        name = f"{self.prefix}-{region}-global"
        return name if len(name) <= MAX_REPLICATION_GROUP else f"{self.prefix}-{_short(region)}-global"

    def cache_users(self, store: str) -> str:
        """Id of the user group of a region's caches: ``store`` is ``cache`` or ``global``."""
        return f"{self.prefix}-{store}"

    def cache_user(self, store: str, user: str) -> str:
        """Id of a user; what it is called to the servers is ``user`` alone."""
        return f"{self.prefix}-{store}-{user}"

    @property
    def backup_vault(self) -> str:
        """Vault of a region, the same name in each, so that a plan elsewhere can copy into it."""
        return f"{self.prefix}-databases"

    def database_log_group(self, region: str) -> str:
        """Where Aurora exports the server log of a region's cluster; the name is RDS's own."""
        return f"/aws/rds/cluster/{self.database_cluster(region)}/postgresql"

    def cache_log_group(self, kind: str) -> str:
        """Where ElastiCache delivers logs; below ``vendedlogs`` no policy of its own is needed for each."""
        return f"/aws/vendedlogs/elasticache/{self.prefix}/{kind}"

    @property
    def metrics_log_group(self) -> str:
        """Where Managed Prometheus says which rule or notification failed."""
        return f"/aws/vendedlogs/prometheus/{self.prefix}"

    @property
    def rotation_log_group(self) -> str:
        """Of the function that rotates the database's password."""
        return f"/{self.prefix}/{ROTATION}"

    @property
    def cluster(self) -> str:
        """ECS cluster of a region."""
        return self.prefix

    @property
    def exec_log_group(self) -> str:
        """Where sessions of ECS Exec are written."""
        return f"/{self.prefix}/execute-command"

    @property
    def namespace(self) -> str:
        """Cloud Map namespace of a region, in which services find each other."""
        return self.prefix

    @property
    def stream_cluster(self) -> str:
        """MSK cluster of a region."""
        return self.prefix

    @property
    def stream_log_group(self) -> str:
        """Where brokers write; below ``vendedlogs`` no policy of its own is needed for each cluster."""
        return f"/aws/vendedlogs/kafka/{self.prefix}"

    @property
    def flink_application(self) -> str:
        """Flink application of a region, which makes bars and indicators."""
        return f"{self.prefix}-bars"

    @property
    def flink_log_group(self) -> str:
        """Where the application and its job write."""
        return f"/aws/kinesis-analytics/{self.flink_application}"

    @property
    def load_balancer(self) -> str:
        return self.prefix

    def task_family(self, service: str) -> str:
        return f"{self.prefix}-{service}"

    @property
    def routing_store(self) -> str:
        """CloudFront KeyValueStore that the viewer-request function reads."""
        return f"{self.prefix}-routing"

    def firewall_metric(self, rule: str) -> str:
        """What CloudWatch calls a rule of the web ACL; ``all`` is the ACL itself."""
        return f"{self.prefix}-{rule}"

    def not_started(self, task: str) -> str:
        """Queue of the starts of a scheduled task that EventBridge Scheduler gave up."""
        return f"{self.prefix}-{task}-not-started"

    @property
    def origin_secret(self) -> str:
        """The origin-verify value in use, replicated to every region."""
        return self.secret("origin-verify")

    @property
    def previous_origin_secret(self) -> str:
        """The origin-verify value before it, which load balancers still accept."""
        return self.secret("origin-verify-previous")

    def edge_log_bucket(self, account: str) -> str:
        """Logs of distribution and firewall; the firewall delivers only to a name with this beginning."""
        return f"aws-waf-logs-{self.prefix}-{account}"

    def sign_in_domain(self, account: str) -> str:
        """Prefix of the user pool's own domain: one name space for all accounts of a region."""
        return f"{self.prefix}-{account}"

    def edge_function(self, event: str) -> str:
        """Lambda@Edge function of an event, such as ``origin-request``."""
        return f"{self.prefix}-{event}"

    def viewer_request_function(self) -> str:
        return f"{self.prefix}-viewer-request"

    def dashboard(self, region: str) -> str:
        return f"{self.prefix}-{region}"


def _short(region: str) -> str:
    """``ap-southeast-1`` → ``apse1``: the first letter of each compass word, the rest as it is."""
    area, place, number = region.split("-")
    for word in ("north", "south", "east", "west", "central"):
        place = place.replace(word, word[0])
    return f"{area}{place}{number}"


def latency_origin(domain: str) -> str:
    """The Route 53 latency record that the API behaviours target."""
    return f"origin.{domain}"


def regional_origin(region: str, domain: str) -> str:
    """The record of one region's load balancer, for the function to choose."""
    return f"origin-{region}.{domain}"
