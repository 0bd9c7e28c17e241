import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as servicediscovery from "aws-cdk-lib/aws-servicediscovery";
import { Construct } from "constructs";
import { Site } from "../base";

export class RegionCluster extends Construct {
  readonly namespace: servicediscovery.HttpNamespace;
  readonly neighbours: ec2.SecurityGroup;
  readonly resource: ecs.Cluster;
  private readonly open = new Set<number>();

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    vpc: ec2.IVpc,
  ) {
    super(scope, id);
    const settings = site.environment.services;
    if (settings.execute_command) {
      throw new Error("the twin has no recorded sessions of ECS Exec: stacks/ecs/cluster.py has");
    }
    this.namespace = new servicediscovery.HttpNamespace(this, "Namespace", {
      name: site.prefix,
      description: `Services of ${site.prefix} in ${site.region}`,
    });
    this.neighbours = new ec2.SecurityGroup(this, "Neighbours", {
      vpc,
      description: "Services that call each other",
      allowAllOutbound: false,
    });
    this.resource = new ecs.Cluster(this, "Ecs", {
      clusterName: site.prefix,
      vpc,
      enableFargateCapacityProviders: true,
      containerInsightsV2: settings.container_insights
        ? ecs.ContainerInsights.ENHANCED
        : ecs.ContainerInsights.DISABLED,
    });
  }

  join(port: number): ec2.ISecurityGroup {
    if (!this.open.has(port)) {
      this.open.add(port);
      this.neighbours.addIngressRule(this.neighbours, ec2.Port.tcp(port), "from a neighbour");
      this.neighbours.addEgressRule(this.neighbours, ec2.Port.tcp(port), "to a neighbour");
    }
    return this.neighbours;
  }

  get strategies(): ecs.CapacityProviderStrategy[] {
    const capacity = this.site.environment.services.capacity;
    const onDemand = {
      capacityProvider: "FARGATE",
      base: capacity.on_demand_base,
      weight: capacity.on_demand_weight,
    };
    const spot = { capacityProvider: "FARGATE_SPOT", weight: capacity.spot_weight };
    return capacity.spot_weight ? [onDemand, spot] : [onDemand];
  }
}
