import * as cdk from "aws-cdk-lib";
import * as acm from "aws-cdk-lib/aws-certificatemanager";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as kms from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { Site } from "../base";
import { Manifest, priority, rulePaths } from "../config";
import { PUBLIC } from "../network/stack";
import { admitByList, cameThroughTheEdge } from "./admission";

const HEALTH_PRIORITY = 10;
const FORBIDDEN =
  '{"type":"about:blank","title":"Forbidden","status":403,"detail":"this platform answers at its edge"}';

export class LoadBalancer extends Construct {
  readonly securityGroup: ec2.SecurityGroup;
  readonly resource: elb.ApplicationLoadBalancer;
  readonly listener: elb.ApplicationListener;

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
    vpc: ec2.IVpc,
    certificate: acm.ICertificate | undefined,
    logKey: kms.IKey,
  ) {
    super(scope, id);
    const settings = site.environment.load_balancer;
    this.securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "Front door of the region",
      allowAllOutbound: false,
    });
    for (const cidr of settings.allowed_cidrs) {
      this.securityGroup.addIngressRule(
        ec2.Peer.ipv4(cidr),
        ec2.Port.tcp(settings.port),
        `${settings.protocol} from ${cidr}`,
      );
    }
    this.resource = this.balancer(vpc, logKey);
    this.listener = this.listen(certificate);
  }

  private balancer(vpc: ec2.IVpc, logKey: kms.IKey): elb.ApplicationLoadBalancer {
    const site = this.site;
    const settings = site.environment.load_balancer;
    const resource = new elb.ApplicationLoadBalancer(this, "Resource", {
      loadBalancerName: site.prefix,
      vpc,
      internetFacing: true,
      vpcSubnets: { subnetGroupName: PUBLIC },
      securityGroup: this.securityGroup,
      deletionProtection: site.environment.protect,
      dropInvalidHeaderFields: true,
      desyncMitigationMode: elb.DesyncMitigationMode.DEFENSIVE,
      http2Enabled: true,
      wafFailOpen: false,
      xffHeaderProcessingMode: elb.XffHeaderProcessingMode.APPEND,
      idleTimeout: cdk.Duration.seconds(settings.idle_timeout_seconds ?? 60),
      clientKeepAlive: cdk.Duration.seconds(settings.keep_alive_seconds ?? 3600),
    });
    if (settings.managed_prefix_lists) {
      const own = admitByList(this, site, vpc, this.securityGroup, logKey);
      const child = resource.node.defaultChild as elb.CfnLoadBalancer;
      child.securityGroups = [this.securityGroup.securityGroupId, own.securityGroupId];
    }
    for (const log of ["access", "connection"]) {
      resource.setAttribute(`${log}_logs.s3.enabled`, "true");
      resource.setAttribute(`${log}_logs.s3.bucket`, site.logBucket());
      resource.setAttribute(`${log}_logs.s3.prefix`, "load-balancer");
    }
    return resource;
  }

  private listen(certificate: acm.ICertificate | undefined): elb.ApplicationListener {
    const settings = this.site.environment.load_balancer;
    const secure = settings.protocol === "https";
    return this.resource.addListener("Listener", {
      port: settings.port,
      protocol: secure ? elb.ApplicationProtocol.HTTPS : elb.ApplicationProtocol.HTTP,
      certificates: certificate ? [certificate] : undefined,
      sslPolicy: secure ? elb.SslPolicy.TLS13_RES : undefined,
      open: false,
      defaultAction: elb.ListenerAction.fixedResponse(403, {
        contentType: "application/json",
        messageBody: FORBIDDEN,
      }),
    });
  }

  admit(target: ec2.SecurityGroup, port: number): void {
    target.addIngressRule(this.securityGroup, ec2.Port.tcp(port), "from the load balancer");
    this.securityGroup.addEgressRule(target, ec2.Port.tcp(port), "to the service");
  }

  rule(manifest: Manifest, groups: elb.ApplicationTargetGroup[]): elb.ApplicationListenerRule {
    return new elb.ApplicationListenerRule(this, `${manifest.name}-rule`, {
      listener: this.listener,
      priority: priority(manifest),
      conditions: [
        cameThroughTheEdge(this.site),
        elb.ListenerCondition.pathPatterns(rulePaths(manifest)),
      ],
      action: forward(groups),
    });
  }

  healthRule(manifest: Manifest, groups: elb.ApplicationTargetGroup[]): elb.ApplicationListenerRule {
    return new elb.ApplicationListenerRule(this, "health-rule", {
      listener: this.listener,
      priority: HEALTH_PRIORITY,
      conditions: [elb.ListenerCondition.pathPatterns([manifest.health.path])],
      action: forward(groups),
    });
  }
}

function forward(groups: elb.ApplicationTargetGroup[]): elb.ListenerAction {
  if (groups.length === 1) {
    return elb.ListenerAction.forward(groups);
  }
  return elb.ListenerAction.weightedForward([
    { targetGroup: groups[0], weight: 100 },
    { targetGroup: groups[1], weight: 0 },
  ]);
}
