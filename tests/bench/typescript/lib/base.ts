import * as cdk from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import { Construct, IConstruct } from "constructs";
import { Environment } from "./config";

/** One region of one environment in one account, and the names of what is there. */
export class Site {
  readonly prefix: string;
  readonly isWriter: boolean;
  readonly removalPolicy: cdk.RemovalPolicy;

  constructor(
    readonly environment: Environment,
    readonly account: string,
    readonly region: string,
  ) {
    this.prefix = `richesreach-${environment.name}`;
    this.isWriter = region === environment.writer_region;
    this.removalPolicy = environment.protect ? cdk.RemovalPolicy.RETAIN : cdk.RemovalPolicy.DESTROY;
  }

  logGroup(area: string, name: string): string {
    return `/${this.prefix}/${area}/${name}`;
  }

  lakeBucket(): string {
    return `${this.prefix}-lake-${this.account}-${this.region}`;
  }

  logBucket(): string {
    return `${this.prefix}-logs-${this.account}-${this.region}`;
  }

  secret(name: string): string {
    return `richesreach/${this.environment.name}/${name}`;
  }

  parameter(area: string, name: string): string {
    return `/richesreach/${this.environment.name}/${area}/${name}`;
  }
}

const STATEFUL = new Set(["network-state", "network", "datalake", "ecs-state"]);

const CLASSIFICATION: Record<string, string> = { network: "personal", datalake: "personal", ecs: "personal" };

const UNTAGGABLE = ["AWS::ElastiCache::GlobalReplicationGroup"];

export class PlatformStack extends cdk.Stack {
  constructor(
    scope: Construct,
    readonly site: Site,
    readonly area: string,
    description: string,
  ) {
    super(scope, `${site.prefix}-${site.region}-${area}`, {
      env: { account: site.account, region: site.region },
      description,
      crossRegionReferences: true,
      terminationProtection: site.environment.protect && STATEFUL.has(area),
    });
    const tags = cdk.Tags.of(this);
    const all: Record<string, string> = {
      ...site.environment.tags,
      project: "richesreach",
      environment: site.environment.name,
      area,
      classification: CLASSIFICATION[area.replace(/-state$/, "")],
    };
    for (const key of Object.keys(all).sort()) {
      tags.add(key, all[key], { excludeResourceTypes: UNTAGGABLE });
    }
  }
}

export function allowLogs(key: kms.IKey, site: Site, groupName: string): void {
  const words = groupName.match(/[a-z0-9]+/g) ?? [];
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: "LogsOf" + words.map((word) => word[0].toUpperCase() + word.slice(1)).join(""),
      principals: [new iam.ServicePrincipal(`logs.${site.region}.amazonaws.com`)],
      actions: ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
      resources: ["*"],
      conditions: {
        ArnLike: {
          "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${site.region}:${site.account}:log-group:${groupName}`,
        },
      },
    }),
  );
}

export function acceptRedundantDependencies(construct: IConstruct): void {
  const resource = cdk.CfnResource.isCfnResource(construct) ? construct : construct.node.defaultChild;
  if (resource && cdk.CfnResource.isCfnResource(resource)) {
    resource.addMetadata("cfn-lint", { config: { ignore_checks: ["W3005"] } });
  }
}
