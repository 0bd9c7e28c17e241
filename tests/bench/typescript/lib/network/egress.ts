import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Site } from "../base";

export function allowNeeds(group: ec2.SecurityGroup, site: Site, needs: string[]): void {
  const { database, cache, data_regions, datastore_regions } = site.environment;
  group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "AWS services and providers");
  if (needs.includes("database")) {
    networks(group, site, database.port, data_regions, "PostgreSQL");
  }
  const caches = new Set(needs.includes("cache") ? [site.region] : []);
  if (needs.includes("global-cache")) {
    datastore_regions.forEach((region) => caches.add(region));
  }
  networks(group, site, cache.port, [...caches].sort(), "Valkey");
}

function networks(group: ec2.SecurityGroup, site: Site, port: number, regions: string[], what: string): void {
  for (const region of regions) {
    const cidr = site.environment.regions[region].cidr;
    group.addEgressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), `${what} in ${region}`);
  }
}
