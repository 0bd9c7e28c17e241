import * as path from "node:path";
import * as cdk from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acceptRedundantDependencies, allowLogs, Site } from "./base";
import { ROOT } from "./config";
import { grantedRole } from "./role";

export interface FunctionProps {
  code: string;
  description: string;
  timeout: cdk.Duration;
  statements: iam.PolicyStatement[];
  logName?: string;
  logGroup?: logs.ILogGroup;
  key?: kms.IKey;
}

/** The functions of these two areas have no network, variables or dead letters. */
export class PlatformFunction extends Construct {
  readonly policy: iam.ManagedPolicy;
  readonly resource: lambda.Function;

  constructor(scope: Construct, id: string, site: Site, props: FunctionProps) {
    super(scope, id);
    const logGroup = props.logGroup ?? this.ownLogGroup(site, props);
    const [role, policy] = grantedRole(this, "", {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      description: props.description,
      statements: [
        ...props.statements,
        new iam.PolicyStatement({
          sid: "OwnLog",
          actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
          resources: [logGroup.logGroupArn],
        }),
      ],
    });
    this.policy = policy;
    this.resource = new lambda.Function(this, "Function", {
      description: props.description,
      runtime: lambda.Runtime.PYTHON_3_14,
      architecture: lambda.Architecture.ARM_64,
      handler: "index.handler",
      code: lambda.Code.fromAsset(path.join(ROOT, "lambda", props.code), {
        exclude: ["__pycache__", "*.pyc", ".*"],
        followSymlinks: cdk.SymlinkFollowMode.EXTERNAL,
      }),
      timeout: props.timeout,
      memorySize: 128,
      reservedConcurrentExecutions: site.environment.reserve_concurrency ? 2 : undefined,
      role,
      logGroup,
    });
    this.resource.node.addDependency(this.policy);
    acceptRedundantDependencies(this.resource);
  }

  private ownLogGroup(site: Site, props: FunctionProps): logs.LogGroup {
    const own = props.logName ?? `lambda/${props.code.replaceAll("_", "-")}`;
    const logGroupName = `/${site.prefix}/${own}`;
    if (props.key) {
      allowLogs(props.key, site, logGroupName);
    }
    return new logs.LogGroup(this, "Logs", {
      logGroupName,
      encryptionKey: props.key,
      retention: site.environment.services.log_days,
      removalPolicy: site.removalPolicy,
    });
  }
}
