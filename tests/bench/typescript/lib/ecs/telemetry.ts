import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as cdk from "aws-cdk-lib";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { Site } from "../base";
import { Environment, Manifest, ROOT } from "../config";

export const SPANS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
};

type Telemetry = NonNullable<Environment["telemetry"]>;

/** Of the monitoring area, which the bench does not build; as _observation of tests/bench/areas.py. */
const workspaceArn = (site: Site) => `arn:aws:aps:${site.region}:${site.account}:workspace/ws-00000000`;
const workspaceEndpoint = (site: Site) => `https://metrics.${site.region}.example/`;

export class Collector extends Construct {
  constructor(
    scope: Construct,
    id: string,
    site: Site,
    settings: Telemetry,
    manifest: Manifest,
    definition: ecs.FargateTaskDefinition,
    logging: ecs.LogDriver,
  ) {
    super(scope, id);
    const linuxParameters = new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: false });
    linuxParameters.dropCapabilities(ecs.Capability.ALL);
    definition.addContainer("collector", {
      containerName: "collector",
      image: ecs.ContainerImage.fromRegistry(settings.image),
      essential: false,
      cpu: settings.cpu,
      memoryLimitMiB: settings.memory,
      memoryReservationMiB: Math.floor(settings.memory / 2),
      readonlyRootFilesystem: true,
      linuxParameters,
      environment: {
        AOT_CONFIG_CONTENT: configuration(site, settings, manifest),
        AWS_REGION: site.region,
        GOMEMLIMIT: `${Math.floor((settings.memory * 3) / 4)}MiB`,
      },
      healthCheck: {
        command: ["CMD", "/healthcheck"],
        interval: cdk.Duration.seconds(30),
        timeout: cdk.Duration.seconds(5),
        retries: 3,
        startPeriod: cdk.Duration.seconds(30),
      },
      logging,
    });
    new iam.ManagedPolicy(this, "Policy", {
      description: "The collector writes metrics to the region's workspace and traces to X-Ray",
      roles: [definition.taskRole],
      statements: [
        new iam.PolicyStatement({
          sid: "WriteMetrics",
          actions: ["aps:RemoteWrite"],
          resources: [workspaceArn(site)],
        }),
        new iam.PolicyStatement({
          sid: "PutTraces",
          actions: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
          resources: ["*"],
        }),
      ],
    });
  }
}

function configuration(site: Site, settings: Telemetry, manifest: Manifest): string {
  const values = {
    AWS_REGION: site.region,
    ENVIRONMENT: site.environment.name,
    METRICS_ENDPOINT: `${workspaceEndpoint(site)}api/v1/remote_write`,
    SCRAPE_INTERVAL: `${settings.scrape_seconds}s`,
    SERVICE_NAME: manifest.name,
    SERVICE_PORT: String(manifest.port),
    TRACE_PERCENT: String(settings.trace_percent),
  };
  const text = readFileSync(path.join(ROOT, "stacks", "ecs", "collector.yaml"), "utf8");
  return Object.entries(values).reduce((all, [name, value]) => all.replaceAll(`__${name}__`, value), text);
}
