import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { Site } from "../base";

const [PATH_MTU_RULE, PLATFORM_RULE] = [99, 100];

export class DataSubnetAcl extends Construct {
  readonly acl: ec2.NetworkAcl;

  constructor(scope: Construct, id: string, site: Site, vpc: ec2.Vpc, tier: string) {
    super(scope, id);
    this.acl = new ec2.NetworkAcl(this, "Acl", { vpc, subnetSelection: { subnetGroupName: tier } });
    const tcp = ec2.AclTraffic.tcpPortRange(1024, 65535);
    const platform = ec2.AclCidr.ipv4(site.environment.network.address_space);
    this.allow("FromPlatform", PLATFORM_RULE, platform, tcp, ec2.TrafficDirection.INGRESS);
    this.allow("ToPlatform", PLATFORM_RULE, platform, tcp, ec2.TrafficDirection.EGRESS);
    const icmp = ec2.AclTraffic.icmp({ type: 3, code: 4 });
    this.allow("PathMtu", PATH_MTU_RULE, ec2.AclCidr.anyIpv4(), icmp, ec2.TrafficDirection.INGRESS);
  }

  private allow(
    id: string,
    ruleNumber: number,
    cidr: ec2.AclCidr,
    traffic: ec2.AclTraffic,
    direction: ec2.TrafficDirection,
  ): void {
    this.acl.addEntry(id, { ruleNumber, cidr, traffic, direction });
  }
}
