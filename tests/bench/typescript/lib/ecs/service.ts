import * as cdk from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { Construct, IDependable } from "constructs";
import { Site } from "../base";
import { counts, exposed, Manifest } from "../config";
import { allowNeeds } from "../network/egress";
import { PRIVATE } from "../network/stack";
import { RegionCluster } from "./cluster";
import { Frontage } from "./deployment";
import { LoadBalancer } from "./load-balancer";
import { ServiceScaling } from "./scaling";
import { GRPC_PORT_NAME, PORT_NAME, Tasks } from "./task";
import { Collector, SPANS } from "./telemetry";

export class ManifestService extends Construct {
  readonly securityGroup: ec2.SecurityGroup;
  readonly service: ecs.FargateService;
  private readonly frontage?: Frontage;

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    readonly cluster: RegionCluster,
    readonly manifest: Manifest,
    readonly tasks: Tasks,
    loadBalancer: LoadBalancer,
  ) {
    super(scope, id);
    const vpc = cluster.resource.vpc;
    this.securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: `Tasks of ${manifest.name}`,
      allowAllOutbound: false,
    });
    allowNeeds(this.securityGroup, site, manifest.needs);
    if (exposed(manifest)) {
      this.frontage = new Frontage(this, "Frontage", site, vpc, manifest, loadBalancer);
    }
    const definition = tasks.define(this, manifest.name, manifest.command);
    this.observe(definition);
    if (manifest.scaling.concurrency) {
      definition.defaultContainer?.addEnvironment("METRICS_EMF", "true");
    }
    this.service = this.fargate(definition);
    if (this.frontage) {
      this.frontage.target(this.service);
      loadBalancer.admit(this.securityGroup, manifest.port);
    }
    const groups = this.frontage?.metricsDimensions ?? [];
    new ServiceScaling(this, "Scaling", site, this.service, manifest, groups);
  }

  waitFor(dependency: IDependable): void {
    this.service.node.addDependency(dependency);
  }

  private observe(definition: ecs.FargateTaskDefinition): void {
    const settings = this.site.environment.telemetry;
    if (!settings) {
      return;
    }
    for (const [name, value] of Object.entries(SPANS)) {
      definition.defaultContainer?.addEnvironment(name, value);
    }
    const logging = this.tasks.logDriver(`${this.manifest.name}-collector`);
    new Collector(this, "Collector", this.site, settings, this.manifest, definition, logging);
  }

  private fargate(taskDefinition: ecs.FargateTaskDefinition): ecs.FargateService {
    const { deployment, execute_command } = this.site.environment.services;
    const frontage = this.frontage;
    const blueGreen = frontage?.blueGreen ?? false;
    return new ecs.FargateService(this, "Service", {
      serviceName: this.manifest.name,
      cluster: this.cluster.resource,
      taskDefinition,
      desiredCount: counts(this.site.environment, this.manifest).desired,
      capacityProviderStrategies: this.cluster.strategies,
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.ENABLED,
      deploymentStrategy: blueGreen ? ecs.DeploymentStrategy.BLUE_GREEN : ecs.DeploymentStrategy.ROLLING,
      bakeTime: blueGreen ? cdk.Duration.minutes(deployment.bake_minutes ?? 0) : undefined,
      minHealthyPercent: deployment.minimum_healthy_percent ?? 100,
      maxHealthyPercent: deployment.maximum_percent ?? 200,
      circuitBreaker: { enable: true, rollback: true },
      deploymentAlarms: frontage && {
        alarmNames: frontage.alarmNames,
        behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
      },
      healthCheckGracePeriod: frontage && cdk.Duration.seconds(this.manifest.health.start_period),
      securityGroups: [this.securityGroup, this.neighbours()],
      vpcSubnets: { subnetGroupName: PRIVATE },
      assignPublicIp: false,
      enableExecuteCommand: execute_command,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      serviceConnectConfiguration: this.serviceConnect(),
    });
  }

  private neighbours(): ec2.ISecurityGroup {
    if (this.manifest.grpc) this.cluster.join(this.manifest.grpc);
    return this.cluster.join(this.manifest.port);
  }

  private connected(portName: string, name: string, port: number): ecs.ServiceConnectService {
    return { portMappingName: portName, discoveryName: name, dnsName: name, port };
  }

  private serviceConnect(): ecs.ServiceConnectProps {
    const name = this.manifest.name;
    const services = [this.connected(PORT_NAME, name, this.manifest.port)];
    if (this.manifest.grpc) {
      services.push(this.connected(GRPC_PORT_NAME, `${name}-grpc`, this.manifest.grpc));
    }
    return {
      namespace: this.site.prefix,
      services,
      logDriver: this.tasks.logDriver(`${this.manifest.name}-connect`),
      accessLogConfiguration: { format: ecs.ServiceConnectAccessLogFormat.JSON },
    };
  }
}
