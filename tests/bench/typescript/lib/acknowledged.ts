import * as cdk from "aws-cdk-lib";
import { IConstruct } from "constructs";
import { PlatformStack } from "./base";

type Acknowledged = [path: string, finding: string, reason: string];

const ANY = "AwsSolutions::AwsSolutions-IAM5[Resource::*]";
const TASKS = ["gateway", "gateway-migrate"];

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
  ],
  ecs: [
    [
      "LoadBalancer/PrefixLists/LookUp/Policy/Resource",
      ANY,
      "ec2:DescribeManagedPrefixLists knows no resource (service authorization reference of EC2)",
    ],
    ...TASKS.map((task): Acknowledged => [
      `${task}/Task/Resource`,
      "AwsSolutions::AwsSolutions-ECS2",
      "plain variables hold endpoints and names; secrets come by reference from Secrets Manager",
    ]),
    ...TASKS.map((task): Acknowledged => [
      `${task}/Task/ExecutionRole/DefaultPolicy/Resource`,
      ANY,
      "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
    ]),
    [
      "gateway/Collector/Policy/Resource",
      ANY,
      "what is put into X-Ray knows no resource (service authorization reference of X-Ray)",
    ],
    [
      "gateway/Frontage/TrafficRole/DefaultPolicy/Resource",
      ANY,
      "the Describe actions of ELB know no resource (service authorization reference of ELB v2)",
    ],
    [
      "gateway-migrate/Runner/Policy/Resource",
      "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]",
      "a task's id is made when it starts; the statement is bound to the platform's own cluster",
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
    if (construct) {
      const id = finding
        .replace("{region}", site.region)
        .replace("{account}", site.account)
        .replace("{prefix}", site.prefix);
      cdk.Validations.of(construct).acknowledge({ id, reason });
    }
  }
}
