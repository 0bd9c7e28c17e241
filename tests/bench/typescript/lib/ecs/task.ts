import * as path from "node:path";
import * as cdk from "aws-cdk-lib";
import * as assets from "aws-cdk-lib/aws-ecr-assets";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { Site } from "../base";
import { Manifest, needed, ROOT } from "../config";
import { grantedRole } from "../role";
import { DEREGISTRATION_DELAY } from "./deployment";
import { TaskVariables, userPool } from "./variables";

export const PORT_NAME = "http";
export const GRPC_PORT_NAME = "grpc";
const OPEN_FILES = 65536;

export interface Lake extends cdk.Stack {
  readonly bucket: s3.IBucket;
  readonly key: kms.IKey;
  readonly secretsKey: kms.IKey;
}

export class Tasks extends Construct {
  readonly logGroup: logs.LogGroup;
  readonly image: assets.DockerImageAsset;
  private readonly arm: boolean;
  private readonly executionRole: iam.IRole;
  private readonly executionPolicy: iam.ManagedPolicy;

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    readonly manifest: Manifest,
    readonly variables: TaskVariables,
    readonly lake: Lake,
    readonly logKey: kms.IKey,
  ) {
    super(scope, id);
    this.arm = site.environment.services.architecture === "arm64";
    this.logGroup = new logs.LogGroup(this, "Logs", {
      logGroupName: `/${site.prefix}/${manifest.name}`,
      encryptionKey: logKey,
      retention: site.environment.services.log_days,
      removalPolicy: site.removalPolicy,
    });
    this.image = new assets.DockerImageAsset(this, "Image", {
      directory: path.join(ROOT, "services"),
      buildArgs: { SERVICE: manifest.name.replaceAll("-", "_") },
      platform: this.arm ? assets.Platform.LINUX_ARM64 : assets.Platform.LINUX_AMD64,
      assetName: manifest.name,
      exclude: ["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.pytest_cache"],
      ignoreMode: cdk.IgnoreMode.DOCKER,
    });
    [this.executionRole, this.executionPolicy] = this.execution();
  }

  define(scope: Construct, name: string, command: string[]): ecs.FargateTaskDefinition {
    const definition = new ecs.FargateTaskDefinition(scope, "Task", {
      family: `${this.site.prefix}-${name}`,
      executionRole: this.executionRole,
      taskRole: this.taskRole(scope, name),
      cpu: this.manifest.cpu,
      memoryLimitMiB: this.manifest.memory,
      ephemeralStorageGiB: this.manifest.ephemeral_storage,
      runtimePlatform: {
        cpuArchitecture: this.arm ? ecs.CpuArchitecture.ARM64 : ecs.CpuArchitecture.X86_64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    definition.addVolume({ name: "tmp" });
    const container = definition.addContainer("app", {
      containerName: this.manifest.name,
      image: ecs.ContainerImage.fromDockerImageAsset(this.image),
      command,
      environment: this.variables.plain(this.manifest),
      secrets: this.variables.secrets(this.manifest),
      portMappings: this.ports(),
      readonlyRootFilesystem: true,
      linuxParameters: this.linux(scope),
      ulimits: [{ name: ecs.UlimitName.NOFILE, softLimit: OPEN_FILES, hardLimit: OPEN_FILES }],
      stopTimeout: cdk.Duration.seconds(DEREGISTRATION_DELAY + 10),
      logging: this.logDriver(name),
    });
    container.addMountPoints({ containerPath: "/tmp", sourceVolume: "tmp", readOnly: false });
    definition.node.addDependency(this.executionPolicy);
    return definition;
  }

  private ports(): ecs.PortMapping[] {
    const ports: ecs.PortMapping[] = [
      { containerPort: this.manifest.port, name: PORT_NAME, appProtocol: ecs.AppProtocol.http },
    ];
    if (this.manifest.grpc) {
      ports.push({
        containerPort: this.manifest.grpc,
        name: GRPC_PORT_NAME,
        appProtocol: ecs.AppProtocol.grpc,
      });
    }
    return ports;
  }

  private execution(): [iam.IRole, iam.ManagedPolicy] {
    const [role, policy] = grantedRole(this, "Execution", {
      assumedBy: new iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
      description: `Starts the tasks of ${this.manifest.name}`,
    });
    this.image.repository.grantPull(policy);
    this.logGroup.grantWrite(policy);
    const secrets = Object.values(this.variables.secrets(this.manifest));
    for (const secret of secrets) {
      secret.grantRead(policy);
    }
    if (secrets.length > 0) {
      policy.addStatements(
        new iam.PolicyStatement({
          sid: "OpenSecrets",
          actions: ["kms:Decrypt"],
          resources: [this.lake.secretsKey.keyArn],
        }),
      );
    }
    return [role, policy];
  }

  private taskRole(scope: Construct, name: string): iam.Role {
    const role = new iam.Role(scope, "TaskRole", {
      assumedBy: new iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
    });
    const statements = [
      ...taskStatements(this.manifest, this.lake),
      ...(name === this.manifest.name ? modelStatements(this.manifest, this.site.account) : []),
      ...this.userStatements(),
    ];
    if (statements.length > 0) {
      new iam.ManagedPolicy(scope, "TaskPolicy", {
        description: `What ${name} needs`,
        roles: [role],
        statements,
      });
    }
    return role;
  }

  private userStatements(): iam.PolicyStatement[] {
    if (!this.manifest.needs.includes("identity")) {
      return [];
    }
    const actions = [
      "AdminAddUserToGroup",
      "AdminDeleteUser",
      "AdminDisableUser",
      "AdminEnableUser",
      "AdminGetUser",
      "AdminListGroupsForUser",
      "AdminRemoveUserFromGroup",
      "AdminUserGlobalSignOut",
      "ListUsers",
    ].map((action) => `cognito-idp:${action}`);
    return [new iam.PolicyStatement({ sid: "ManageUsers", actions, resources: [userPool(this.site).arn] })];
  }

  logDriver(streamPrefix: string): ecs.LogDriver {
    return ecs.LogDrivers.awsLogs({
      streamPrefix,
      logGroup: this.logGroup,
      mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      maxBufferSize: cdk.Size.mebibytes(25),
    });
  }

  private linux(scope: Construct): ecs.LinuxParameters {
    const parameters = new ecs.LinuxParameters(scope, "Linux", { initProcessEnabled: true });
    parameters.dropCapabilities(ecs.Capability.ALL);
    return parameters;
  }
}

function* modelStatements(manifest: Manifest, account: string): Generator<iam.PolicyStatement> {
  const families = needed(manifest, "bedrock:");
  if (families.length > 0) {
    const places = ["*::foundation-model/", `*:${account}:inference-profile/*.`];
    yield new iam.PolicyStatement({
      sid: "AskModels",
      actions: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
      resources: families.flatMap((family) => places.map((place) => `arn:aws:bedrock:${place}${family}*`)),
    });
  }
}

function* taskStatements(manifest: Manifest, lake: Lake): Generator<iam.PolicyStatement> {
  const prefixes = needed(manifest, "lake:");
  const readable = [...(manifest.needs.includes("lake") ? ["curated", "metadata"] : []), ...prefixes];
  if (readable.length === 0) {
    return;
  }
  const below = (names: string[]) => names.map((name) => lake.bucket.arnForObjects(`${name}/*`));
  yield new iam.PolicyStatement({
    sid: "ListTheLake",
    actions: ["s3:ListBucket"],
    resources: [lake.bucket.bucketArn],
    conditions: { StringLike: { "s3:prefix": readable.map((name) => `${name}/*`) } },
  });
  yield new iam.PolicyStatement({ sid: "ReadTheLake", actions: ["s3:GetObject"], resources: below(readable) });
  if (prefixes.length > 0) {
    yield new iam.PolicyStatement({
      sid: "WriteTheLake",
      actions: ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
      resources: below(prefixes),
    });
  }
  yield new iam.PolicyStatement({
    sid: "UseTheLakesKey",
    actions: ["kms:Decrypt", ...(prefixes.length > 0 ? ["kms:GenerateDataKey"] : [])],
    resources: [lake.key.keyArn],
  });
}
