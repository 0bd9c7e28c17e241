import * as cdk from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct, IDependable } from "constructs";
import { acceptRedundantDependencies, Site } from "../base";
import { Manifest } from "../config";
import { grantedRole } from "../role";
import { LoadBalancer } from "./load-balancer";

export const DEREGISTRATION_DELAY = 30;
const PERIOD = cdk.Duration.minutes(1);
const ERROR_FACTOR = 10;
const LEAST_REQUESTS = 20;
const [ERRORS, UNHEALTHY] = ["deployment-errors", "deployment-unhealthy"];

type Metrics = Record<string, cloudwatch.IMetric>;

export class Frontage extends Construct {
  readonly balancer: elb.ApplicationLoadBalancer;
  readonly blueGreen: boolean;
  readonly groups: elb.ApplicationTargetGroup[];
  readonly rule: elb.ApplicationListenerRule;
  readonly healthRule?: elb.ApplicationListenerRule;
  readonly alarms: cloudwatch.Alarm[];

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    vpc: ec2.IVpc,
    readonly manifest: Manifest,
    loadBalancer: LoadBalancer,
  ) {
    super(scope, id);
    this.balancer = loadBalancer.resource;
    this.blueGreen = site.environment.services.deployment.strategy === "blue-green";
    this.groups = (this.blueGreen ? ["Blue", "Green"] : ["Blue"]).map((colour) => this.group(colour, vpc));
    this.rule = loadBalancer.rule(manifest, this.groups);
    this.healthRule = manifest.default ? loadBalancer.healthRule(manifest, this.groups) : undefined;
    this.alarms = [this.errors(), this.unhealthy()];
  }

  get metricsDimensions(): Record<string, string>[] {
    return this.groups.map((group) => ({
      LoadBalancer: this.balancer.loadBalancerFullName,
      TargetGroup: group.targetGroupFullName,
    }));
  }

  get alarmNames(): string[] {
    return [ERRORS, UNHEALTHY].map((condition) => this.alarmName(condition));
  }

  get rules(): elb.ApplicationListenerRule[] {
    return this.healthRule ? [this.rule, this.healthRule] : [this.rule];
  }

  target(service: ecs.FargateService): void {
    let alternateTarget: ecs.AlternateTarget | undefined;
    let first: IDependable[] = [...this.alarms, ...this.rules];
    if (this.blueGreen) {
      const [role, policy] = this.trafficRole();
      first = [...this.alarms, policy];
      alternateTarget = new ecs.AlternateTarget("Alternate", {
        role,
        alternateTargetGroup: this.groups[1],
        productionListener: ecs.ListenerRuleConfiguration.applicationListenerRule(this.rule),
        testListener: this.healthRule
          ? ecs.ListenerRuleConfiguration.applicationListenerRule(this.healthRule)
          : undefined,
      });
    }
    const entry = service.loadBalancerTarget({
      containerName: this.manifest.name,
      containerPort: this.manifest.port,
      alternateTarget,
    });
    entry.attachToApplicationTargetGroup(this.groups[0]);
    service.node.addDependency(...first);
    acceptRedundantDependencies(service.node.findChild("Service"));
  }

  private trafficRole(): [iam.IRole, iam.ManagedPolicy] {
    const described = ["Listeners", "Rules", "TargetGroups", "TargetHealth"];
    const grants: [string, string[], string[]][] = [
      ["Look", described.map((what) => `Describe${what}`), ["*"]],
      ["MoveRules", ["ModifyRule"], this.rules.map((rule) => rule.listenerRuleArn)],
      [
        "RegisterTasks",
        ["RegisterTargets", "DeregisterTargets"],
        this.groups.map((group) => group.targetGroupArn),
      ],
    ];
    return grantedRole(this, "Traffic", {
      assumedBy: new iam.ServicePrincipal("ecs.amazonaws.com"),
      description: `Blue/green deployments of ${this.manifest.name}`,
      statements: grants.map(([sid, names, resources]) => {
        const actions = names.map((name) => `elasticloadbalancing:${name}`);
        return new iam.PolicyStatement({ sid, actions, resources });
      }),
    });
  }

  private group(colour: string, vpc: ec2.IVpc): elb.ApplicationTargetGroup {
    const health = this.manifest.health;
    const slowStart = this.site.environment.load_balancer.slow_start_seconds ?? 0;
    const algorithms = elb.TargetGroupLoadBalancingAlgorithmType;
    return new elb.ApplicationTargetGroup(this, colour, {
      vpc,
      port: this.manifest.port,
      protocol: elb.ApplicationProtocol.HTTP,
      targetType: elb.TargetType.IP,
      deregistrationDelay: cdk.Duration.seconds(DEREGISTRATION_DELAY),
      loadBalancingAlgorithmType: slowStart ? algorithms.ROUND_ROBIN : algorithms.LEAST_OUTSTANDING_REQUESTS,
      slowStart: slowStart ? cdk.Duration.seconds(slowStart) : undefined,
      healthCheck: {
        path: health.path,
        interval: cdk.Duration.seconds(health.interval),
        timeout: cdk.Duration.seconds(health.timeout),
        healthyThresholdCount: health.healthy_threshold,
        unhealthyThresholdCount: health.unhealthy_threshold,
        healthyHttpCodes: "200",
      },
    });
  }

  private sum(name: string, statistic = "Sum"): [string, Metrics] {
    const metrics: Metrics = {};
    this.metricsDimensions.forEach((dimensionsMap, number) => {
      metrics[`${name.toLowerCase()}${number}`] = new cloudwatch.Metric({
        namespace: "AWS/ApplicationELB",
        metricName: name,
        dimensionsMap,
        statistic,
        period: PERIOD,
      });
    });
    const filled = Object.keys(metrics).map((key) => `FILL(${key}, 0)`);
    return [`SUM([${filled.join(", ")}])`, metrics];
  }

  private errors(): cloudwatch.Alarm {
    const [errors, errorMetrics] = this.sum("HTTPCode_Target_5XX_Count");
    const [requests, requestMetrics] = this.sum("RequestCount");
    const tolerated = Math.round(ERROR_FACTOR * (100 - this.manifest.slo.availability) * 1e6) / 1e6;
    return this.alarm(
      ERRORS,
      `IF(${requests} >= ${LEAST_REQUESTS}, 100 * ${errors} / ${requests}, 0)`,
      { ...errorMetrics, ...requestMetrics },
      tolerated,
    );
  }

  private unhealthy(): cloudwatch.Alarm {
    const [unhealthy, metrics] = this.sum("UnHealthyHostCount", "Maximum");
    return this.alarm(UNHEALTHY, unhealthy, metrics, 0);
  }

  private alarmName(condition: string): string {
    return `${this.site.prefix}-${this.manifest.name}-${condition}`;
  }

  private alarm(condition: string, expression: string, usingMetrics: Metrics, threshold: number): cloudwatch.Alarm {
    return new cloudwatch.Alarm(this, condition, {
      alarmName: this.alarmName(condition),
      alarmDescription: `Sends ${this.manifest.name}'s deployment back; docs/runbooks/${condition}.md`,
      metric: new cloudwatch.MathExpression({ expression, label: condition, usingMetrics, period: PERIOD }),
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }
}
