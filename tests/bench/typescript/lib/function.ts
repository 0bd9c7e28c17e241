import * as path from "node:path";
import * as cdk from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acceptRedundantDependencies, Site } from "./base";
import { ROOT } from "./config";

export interface FunctionProps {
  code: string;
  description: string;
  timeout: cdk.Duration;
  statements: iam.PolicyStatement[];
  logName?: string;
  logGroup?: logs.ILogGroup;
}

/** The functions of these two areas have no network, variables, key or dead letters. */
export class PlatformFunction extends Construct {
  readonly policy: iam.ManagedPolicy;
  readonly resource: lambda.Function;

  constructor(scope: Construct, id: string, site: Site, props: FunctionProps) {
    super(scope, id);
    const logGroup = props.logGroup ?? this.ownLogGroup(site, props);
    const role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
    this.policy = new iam.ManagedPolicy(this, "Policy", {
      description: props.description,
      roles: [role],
      statements: [
        ...props.statements,
        new iam.PolicyStatement({
          sid: "OwnLog",
          actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
          resources: [logGroup.logGroupArn],
        }),
      ],
    });
    this.resource = new lambda.Function(this, "Function", {
      description: props.description,
      runtime: lambda.Runtime.PYTHON_3_14,
      architecture: lambda.Architecture.ARM_64,
      handler: "index.handler",
      code: lambda.Code.fromAsset(path.join(ROOT, "lambda", props.code), {
        exclude: ["__pycache__", "*.pyc", ".*"],
      }),
      timeout: props.timeout,
      memorySize: 128,
      role: role.withoutPolicyUpdates(),
      logGroup,
    });
    this.resource.node.addDependency(this.policy);
    acceptRedundantDependencies(this.resource);
  }

  private ownLogGroup(site: Site, props: FunctionProps): logs.LogGroup {
    const own = props.logName ?? `lambda/${props.code.replaceAll("_", "-")}`;
    return new logs.LogGroup(this, "Logs", {
      logGroupName: `/${site.prefix}/${own}`,
      retention: site.environment.services.log_days,
      removalPolicy: site.removalPolicy,
    });
  }
}
