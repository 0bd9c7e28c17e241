import * as cdk from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { Site } from "../base";
import { PlatformFunction } from "../function";

class ManagedPrefixLists extends Construct {
  readonly cloudfront: string;
  readonly healthCheckers: string;

  constructor(scope: Construct, id: string, site: Site, logKey: kms.IKey) {
    super(scope, id);
    const lookUp = new PlatformFunction(this, "LookUp", site, {
      code: "prefix_lists",
      description: "Ids of AWS-managed prefix lists in this region",
      timeout: cdk.Duration.minutes(1),
      key: logKey,
      statements: [
        new iam.PolicyStatement({
          sid: "FindPrefixLists",
          actions: ["ec2:DescribeManagedPrefixLists"],
          resources: ["*"],
        }),
      ],
    });
    const found = new cdk.CustomResource(this, "Found", {
      resourceType: "Custom::PrefixLists",
      serviceToken: lookUp.resource.functionArn,
      properties: {
        Names: {
          CloudFront: "com.amazonaws.global.cloudfront.origin-facing",
          HealthCheckers: `com.amazonaws.${site.region}.route53-healthchecks`,
        },
      },
    });
    this.cloudfront = found.getAttString("CloudFront");
    this.healthCheckers = found.getAttString("HealthCheckers");
  }
}

export function admitByList(
  scope: Construct,
  site: Site,
  vpc: ec2.IVpc,
  group: ec2.SecurityGroup,
  logKey: kms.IKey,
): ec2.SecurityGroup {
  const lists = new ManagedPrefixLists(scope, "PrefixLists", site, logKey);
  const port = ec2.Port.tcp(site.environment.load_balancer.port);
  group.addIngressRule(ec2.Peer.prefixList(lists.healthCheckers), port, "from the Route 53 health checkers");
  const own = new ec2.SecurityGroup(scope, "CloudFront", {
    vpc,
    description: "From CloudFront and nothing else",
    allowAllOutbound: false,
  });
  own.addIngressRule(ec2.Peer.prefixList(lists.cloudfront), port, "from CloudFront's origin-facing servers");
  return own;
}

export function cameThroughTheEdge(site: Site): elb.ListenerCondition {
  return elb.ListenerCondition.httpHeader(
    "x-origin-verify",
    ["origin-verify", "origin-verify-previous"].map(
      (name) => `{{resolve:secretsmanager:${site.secret(name)}:SecretString}}`,
    ),
  );
}
