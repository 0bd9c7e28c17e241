import * as kms from "aws-cdk-lib/aws-kms";
import * as route53 from "aws-cdk-lib/aws-route53";
import { Construct } from "constructs";
import { PlatformStack, Site } from "../base";
import { Manifest } from "../config";
import { NetworkStack } from "../network/stack";
import { RegionCluster } from "./cluster";
import { LoadBalancer } from "./load-balancer";
import { OneOffTaskRun } from "./one-off";
import { certificate, OriginRecords } from "./origin";
import { ScheduledTask } from "./schedule";
import { ManifestService } from "./service";
import { Lake, Tasks } from "./task";
import { TaskVariables } from "./variables";

export { Lake };

export interface EcsProps {
  network: NetworkStack;
  zone: route53.IHostedZone;
  lake: Lake;
  manifests: Manifest[];
}

export class EcsStack extends PlatformStack {
  private readonly logKey: kms.IKey;
  private readonly cluster: RegionCluster;
  private readonly loadBalancer: LoadBalancer;

  constructor(
    scope: Construct,
    site: Site,
    private readonly given: EcsProps,
  ) {
    super(scope, site, "ecs", "Cluster, load balancer and services");
    const { network, zone, lake, manifests } = given;
    const vpc = network.vpc;
    this.addStackDependency(lake, "the load balancer checks at birth that it may write its logs");
    this.logKey = kms.Key.fromKeyArn(this, "LogKey", network.logKey.keyArn);
    this.cluster = new RegionCluster(this, "Cluster", site, vpc);
    const own = site.environment.edge.certificate ? certificate(this, site, zone) : undefined;
    this.loadBalancer = new LoadBalancer(this, "LoadBalancer", site, vpc, own, this.logKey);
    const variables = new TaskVariables(this, "Variables", site);
    for (const manifest of manifests.filter((manifest) => this.places(manifest.placement))) {
      this.run(manifest, variables);
    }
    new OriginRecords(this, "Origin", site, zone, this.loadBalancer.resource);
  }

  private places(placement: string): boolean {
    return placement === "every-region" || this.site.isWriter;
  }

  private run(manifest: Manifest, variables: TaskVariables): void {
    const { site, cluster, loadBalancer, logKey } = this;
    const lake = this.given.lake;
    const tasks = new Tasks(this, `${manifest.name}-tasks`, site, manifest, variables, lake, logKey);
    const service = new ManifestService(this, manifest.name, site, cluster, manifest, tasks, loadBalancer);
    for (const task of manifest.tasks) {
      if (!this.places(task.placement ?? "writer-region")) {
        continue;
      }
      const id = `${manifest.name}-${task.name}`;
      if (task.run === "schedule") {
        new ScheduledTask(this, id, service, task);
      } else {
        service.waitFor(new OneOffTaskRun(this, id, service, task));
      }
    }
  }
}
