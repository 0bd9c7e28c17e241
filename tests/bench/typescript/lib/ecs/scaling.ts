import * as autoscaling from "aws-cdk-lib/aws-applicationautoscaling";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { Construct } from "constructs";
import { Site } from "../base";
import { counts, Manifest } from "../config";

type Query = autoscaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty;
type Dimensions = Record<string, string>;

export class ServiceScaling extends Construct {
  private readonly scalable: autoscaling.CfnScalableTarget;

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    service: ecs.FargateService,
    readonly manifest: Manifest,
    groups: Dimensions[],
  ) {
    super(scope, id);
    const wanted = manifest.scaling;
    const count = counts(site.environment, manifest);
    const target = service.autoScaleTaskCount({ minCapacity: count.min, maxCapacity: count.max });
    target.scaleOnCpuUtilization("Cpu", { targetUtilizationPercent: wanted.cpu });
    target.scaleOnMemoryUtilization("Memory", { targetUtilizationPercent: wanted.memory });
    this.scalable = target.node.findChild("Target").node.defaultChild as autoscaling.CfnScalableTarget;
    if (wanted.requests_per_target) {
      this.track("Requests", this.requests(groups), wanted.requests_per_target);
    }
    if (wanted.concurrency) {
      this.track("Concurrency", this.concurrency(), wanted.concurrency);
    }
    if (wanted.lag) {
      this.track("Lag", this.lag(wanted.lag.group, wanted.lag.topic), wanted.lag.messages_per_task);
    }
  }

  private track(name: string, metrics: Query[], targetValue: number): void {
    new autoscaling.CfnScalingPolicy(this, name, {
      policyName: `${this.site.prefix}-${this.manifest.name}-${name.toLowerCase()}`,
      policyType: "TargetTrackingScaling",
      scalingTargetId: this.scalable.ref,
      targetTrackingScalingPolicyConfiguration: {
        targetValue,
        scaleInCooldown: 300,
        scaleOutCooldown: 60,
        customizedMetricSpecification: { metrics },
      },
    });
  }

  private requests(groups: Dimensions[]): Query[] {
    const counted = groups.map((dimensions, number) =>
      metric(`requests${number}`, "AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions),
    );
    const filled = counted.map((query) => `FILL(${query.id}, 0)`).join(", ");
    return [...counted, expression(`SUM([${filled}])`)];
  }

  private concurrency(): Query[] {
    const { environment, region } = this.site;
    const own = { service: this.manifest.name, region, environment: environment.name };
    return [metric("tracked", "RichesReach/Services", "ActiveConnections", "Average", own, true)];
  }

  private lag(group: string, topic: string): Query[] {
    const waiting = { "Cluster Name": this.site.prefix, "Consumer Group": group, Topic: topic };
    const tasks = { ClusterName: this.site.prefix, ServiceName: this.manifest.name };
    return [
      metric("waiting", "AWS/Kafka", "SumOffsetLag", "Maximum", waiting),
      metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", "Average", tasks),
      expression("waiting / IF(tasks < 1, 1, tasks)"),
    ];
  }
}

function metric(
  id: string,
  namespace: string,
  metricName: string,
  stat: string,
  given: Dimensions,
  returnData = false,
): Query {
  const dimensions = Object.entries(given).map(([name, value]) => ({ name, value }));
  return { id, returnData, metricStat: { stat, metric: { namespace, metricName, dimensions } } };
}

function expression(text: string): Query {
  return { id: "tracked", expression: text, returnData: true };
}
