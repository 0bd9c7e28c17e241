import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Site } from "../base";

export function allowNeeds(group: ec2.SecurityGroup, site: Site, needs: string[]): void {
  const { database, cache, streaming, datastore_regions, network, regions } = site.environment;
  const allow = (cidr: string, port: number, what: string) =>
    group.addEgressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), what);
  group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "AWS services and providers");
  if (needs.includes("database")) {
    allow(network.address_space, database.port, "PostgreSQL of the platform");
  }
  if (needs.includes("global-cache") && datastore_regions.length > 0) {
    allow(network.address_space, cache.port, "Valkey of the platform");
  } else if (needs.includes("cache") || needs.includes("global-cache")) {
    allow(regions[site.region].cidr, cache.port, `Valkey in ${site.region}`);
  }
  if (needs.includes("stream") && streaming) {
    allow(regions[site.region].cidr, streaming.security === "iam" ? 9098 : 9092, `Kafka in ${site.region}`);
  }
}
