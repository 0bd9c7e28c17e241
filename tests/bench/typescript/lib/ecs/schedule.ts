import * as cdk from "aws-cdk-lib";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { TaskRun } from "../config";
import { PRIVATE } from "../network/stack";
import { grantedRole } from "../role";
import { ManifestService } from "./service";

export class ScheduledTask extends Construct {
  private readonly definition: ecs.FargateTaskDefinition;
  private readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, service: ManifestService, task: TaskRun) {
    super(scope, id);
    const site = service.site;
    const name = `${service.manifest.name}-${task.name}`;
    this.definition = service.tasks.define(this, name, task.command);
    this.deadLetters = new sqs.Queue(this, "DeadLetters", {
      queueName: `${site.prefix}-${name}-not-started`,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: cdk.Duration.days(14),
    });
    const [role, policy] = grantedRole(this, "", {
      description: `Starts ${this.definition.family}`,
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com").withConditions({
        StringEquals: { "aws:SourceAccount": site.account },
      }),
    });
    this.definition.grantRun(policy);
    this.deadLetters.grantSendMessages(policy);
    const schedule = new scheduler.CfnSchedule(this, "Schedule", {
      name: `${site.prefix}-${name}`,
      description: `Runs ${task.name} of ${service.manifest.name}`,
      scheduleExpression: task.schedule ?? "",
      scheduleExpressionTimezone: "UTC",
      flexibleTimeWindow: { mode: "OFF" },
      target: this.target(service, role),
    });
    schedule.node.addDependency(policy);
  }

  private target(service: ManifestService, role: iam.IRole): scheduler.CfnSchedule.TargetProperty {
    const cluster = service.cluster.resource;
    return {
      arn: cluster.clusterArn,
      roleArn: role.roleArn,
      ecsParameters: {
        taskDefinitionArn: this.definition.taskDefinitionArn,
        launchType: "FARGATE",
        taskCount: 1,
        propagateTags: "TASK_DEFINITION",
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: cluster.vpc.selectSubnets({ subnetGroupName: PRIVATE }).subnetIds,
            securityGroups: [service.securityGroup.securityGroupId],
            assignPublicIp: "DISABLED",
          },
        },
      },
      retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 5 },
      deadLetterConfig: { arn: this.deadLetters.queueArn },
    };
  }
}
