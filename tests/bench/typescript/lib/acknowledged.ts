import * as cdk from "aws-cdk-lib";
import { IConstruct } from "constructs";
import { PlatformStack } from "./base";

type Acknowledged = [path: string, finding: string | string[], reason: string];

const ANY = "AwsSolutions::AwsSolutions-IAM5[Resource::*]";
const SERVICES = ["ai-router", "features", "gateway", "history", "market-data", "stream"];
const PUBLIC = ["ai-router", "features", "gateway", "market-data"];
const MIGRATIONS = ["ai-router", "features", "gateway"].map((service) => `${service}-migrate`);
const SCHEDULED = ["history-compact", "history-partitions"];
const LAKE = "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/";
const KEPT = [
  "raw/market_data/ticks",
  "raw/market_data/polygon",
  "processed/bars",
  "processed/features/technical_indicators",
  "metadata/lineage",
  "metadata/quality_checks",
];
const FUNCTIONS = [
  "LoadBalancer/PrefixLists/LookUp/Function",
  ...MIGRATIONS.map((migration) => `${migration}/Runner/Function`),
];

const [NIST, PCI, HIPAA] = ["NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security"];
const rule = (name: string, ...packs: string[]) => packs.map((pack) => `${pack}::${pack}-${name}`);

const DEAD_LETTERS = rule("LambdaDLQ", NIST, HIPAA);
const NETWORK = rule("LambdaInsideVPC", NIST, PCI, HIPAA);
const DEPLOYING = "CloudFormation waits for its answer: what fails, fails the deployment, and a queue has no reader";
const APIS_ONLY = "it calls APIs of AWS alone, none of them in the network; a way there would be one more way out";

const each = (finding: string[], reason: string, ...paths: string[]) =>
  paths.map((path): Acknowledged => [path, finding, reason]);

const ACKNOWLEDGED: Record<string, Acknowledged[]> = {
  network: [
    [
      "DataAcl",
      "AwsSolutions::AwsSolutions-VPC3",
      "the data subnets' ACL is wanted: a second fence behind the security groups, of networks only",
    ],
    [
      "DefaultGroup/Closer/Policy/Resource",
      ANY,
      "ec2:DescribeSecurityGroups knows no resource (service authorization reference of EC2)",
    ],
    ["DefaultGroup/Closer/Function", DEAD_LETTERS, DEPLOYING],
    ["DefaultGroup/Closer/Function", NETWORK, APIS_ONLY],
    [
      "Vpc/Resource",
      rule("VPCDefaultSecurityGroupClosed", NIST, PCI, HIPAA),
      "CloudFormation cannot close it; the custom resource DefaultGroup does, and AWS Config watches it",
    ],
    ...each(
      rule("VPCNoUnrestrictedRouteToIGW", NIST, PCI, HIPAA),
      "the public subnets hold the load balancer and NAT, and nothing else; the others have no such route",
      ...[1, 2, 3].map((number) => `Vpc/publicSubnet${number}/DefaultRoute`),
    ),
  ],
  ecs: [
    [
      "LoadBalancer/PrefixLists/LookUp/Policy/Resource",
      ANY,
      "ec2:DescribeManagedPrefixLists knows no resource (service authorization reference of EC2)",
    ],
    ...[...SERVICES, ...MIGRATIONS, ...SCHEDULED].map((task): Acknowledged => [
      `${task}/Task/Resource`,
      "AwsSolutions::AwsSolutions-ECS2",
      "plain variables hold endpoints and names; secrets come by reference from Secrets Manager",
    ]),
    ...each(
      [ANY],
      "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
      ...SERVICES.map((service) => `${service}-tasks/ExecutionPolicy/Resource`),
    ),
    ...each(
      [ANY],
      "what is put into X-Ray knows no resource (service authorization reference of X-Ray)",
      ...SERVICES.map((service) => `${service}/Collector/Policy/Resource`),
    ),
    ...each(
      [ANY],
      "the Describe actions of ELB know no resource (service authorization reference of ELB v2)",
      ...PUBLIC.map((service) => `${service}/Frontage/TrafficPolicy/Resource`),
    ),
    ...each(
      ["AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]"],
      "a task's id is made when it starts; the statement is bound to the platform's own cluster",
      ...MIGRATIONS.map((migration) => `${migration}/Runner/Policy/Resource`),
    ),
    [
      "stream/TaskPolicy/Resource",
      "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/state/stream/*]",
      "snapshots are named by their partition and offset; the service writes below its own prefix alone",
    ],
    ...["anthropic.claude", "amazon.nova", "amazon.titan-embed"].flatMap((family) =>
      ["*::foundation-model/", "*:{account}:inference-profile/*."].map((place): [string, string, string] => [
        "ai-router/TaskPolicy/Resource",
        `AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:bedrock:${place}${family}*]`,
        "a model's id ends with a date and a version; the service asks these families alone, and a" +
          " profile asks in any region of its geography",
      ]),
    ),
    ...each(
      KEPT.map((prefix) => `${LAKE}${prefix}/*]`),
      "files are named by hour and offset; the service writes below its own prefixes alone",
      ...["history", ...SCHEDULED].map((task) => `${task}/TaskPolicy/Resource`),
    ),
    ...each(
      ["AwsSolutions::AwsSolutions-SQS3"],
      "it is itself where EventBridge Scheduler leaves what it could not start",
      ...SCHEDULED.map((task) => `${task}/DeadLetters/Resource`),
    ),
    ...each(DEAD_LETTERS, DEPLOYING, ...FUNCTIONS),
    ...each(NETWORK, APIS_ONLY, ...FUNCTIONS),
    ...each(
      rule("CloudWatchAlarmAction", NIST, HIPAA),
      "ECS watches it during a deployment and rolls back; the services' own alarms tell people",
      ...PUBLIC.flatMap((service) =>
        ["errors", "unhealthy"].map((what) => `${service}/Frontage/deployment-${what}`),
      ),
    ),
    [
      "LoadBalancer/Resource/Resource",
      rule("ALBWAFEnabled", NIST, PCI),
      "the web ACL stands at CloudFront, and the balancer answers nobody who did not come through it",
    ],
  ],
};

export function acknowledge(stack: PlatformStack): void {
  const site = stack.site;
  for (const [path, finding, reason] of ACKNOWLEDGED[stack.area] ?? []) {
    let construct: IConstruct | undefined = stack;
    for (const part of path.split("/")) {
      construct = construct?.node.tryFindChild(part);
    }
    for (const each of construct ? [finding].flat() : []) {
      const id = each
        .replaceAll("{region}", site.region)
        .replace("{account}", site.account)
        .replace("{prefix}", site.prefix);
      cdk.Validations.of(construct!).acknowledge({ id, reason });
    }
  }
}
