import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { Site } from "../base";

const FIRST_RULE = 100;
const PRIVATE: [string, number][] = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
];

export class DataSubnetAcl extends Construct {
  readonly acl: ec2.NetworkAcl;

  constructor(scope: Construct, id: string, site: Site, vpc: ec2.Vpc, tier: string) {
    super(scope, id);
    this.acl = new ec2.NetworkAcl(this, "Acl", { vpc, subnetSelection: { subnetGroupName: tier } });
    const tcp = ec2.AclTraffic.tcpPortRange(1024, 65535);
    for (const [region, { cidr }] of Object.entries(site.environment.regions)) {
      const network = ec2.AclCidr.ipv4(cidr);
      this.allow(`From-${region}`, ruleNumber(cidr), network, tcp, ec2.TrafficDirection.INGRESS);
      this.allow(`To-${region}`, ruleNumber(cidr), network, tcp, ec2.TrafficDirection.EGRESS);
    }
    const icmp = ec2.AclTraffic.icmp({ type: 3, code: 4 });
    this.allow("PathMtu", FIRST_RULE - 1, ec2.AclCidr.anyIpv4(), icmp, ec2.TrafficDirection.INGRESS);
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

function address(text: string): number {
  return text.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function ruleNumber(cidr: string): number {
  const start = address(cidr.split("/")[0]);
  let number = FIRST_RULE;
  for (const [text, prefix] of PRIVATE) {
    const [first, size] = [address(text), 2 ** (32 - prefix)];
    if (start >= first && start < first + size) {
      return number + (start - first) / 4096;
    }
    number += size / 4096;
  }
  throw new Error(`${cidr} is no private network`);
}
