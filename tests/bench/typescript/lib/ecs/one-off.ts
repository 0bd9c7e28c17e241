import * as cdk from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { TaskRun } from "../config";
import { PlatformFunction } from "../function";
import { PRIVATE } from "../network/stack";
import { ManifestService } from "./service";

export class OneOffTaskRun extends Construct {
  constructor(scope: Construct, id: string, service: ManifestService, task: TaskRun) {
    super(scope, id);
    const site = service.site;
    const definition = service.tasks.define(this, `${service.manifest.name}-${task.name}`, task.command);
    const runner = new PlatformFunction(this, "Runner", site, {
      code: "run_task",
      description: `Runs ${definition.family} to its end`,
      timeout: cdk.Duration.minutes(15),
      key: service.tasks.logKey,
      logName: `${service.manifest.name}/${task.name}-runner`,
      statements: [
        new iam.PolicyStatement({
          sid: "WatchTheTask",
          actions: ["ecs:DescribeTasks"],
          resources: [`arn:aws:ecs:${site.region}:${site.account}:task/${site.prefix}/*`],
        }),
      ],
    });
    definition.grantRun(runner.policy);
    const cluster = service.cluster.resource;
    const run = new cdk.CustomResource(this, "Run", {
      resourceType: "Custom::RunTask",
      serviceToken: runner.resource.functionArn,
      properties: {
        Cluster: cluster.clusterName,
        TaskDefinition: definition.taskDefinitionArn,
        Subnets: cluster.vpc.selectSubnets({ subnetGroupName: PRIVATE }).subnetIds,
        SecurityGroups: [service.securityGroup.securityGroupId],
      },
    });
    run.node.addDependency(runner.policy);
  }
}
