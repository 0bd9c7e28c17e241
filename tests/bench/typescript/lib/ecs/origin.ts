import * as acm from "aws-cdk-lib/aws-certificatemanager";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as route53 from "aws-cdk-lib/aws-route53";
import { Construct } from "constructs";
import { Site } from "../base";

const byLatency = (site: Site) => `origin.${site.environment.domain}`;
const byName = (site: Site) => `origin-${site.region}.${site.environment.domain}`;

export function certificate(scope: Construct, site: Site, zone: route53.IHostedZone): acm.Certificate {
  return new acm.Certificate(scope, "Certificate", {
    domainName: byName(site),
    subjectAlternativeNames: [byLatency(site)],
    validation: acm.CertificateValidation.fromDns(zone),
  });
}

export class OriginRecords extends Construct {
  constructor(
    scope: Construct,
    id: string,
    site: Site,
    zone: route53.IHostedZone,
    loadBalancer: elb.ApplicationLoadBalancer,
  ) {
    super(scope, id);
    const environment = site.environment;
    const aliasTarget: route53.CfnRecordSet.AliasTargetProperty = {
      dnsName: loadBalancer.loadBalancerDnsName,
      hostedZoneId: loadBalancer.loadBalancerCanonicalHostedZoneId,
      evaluateTargetHealth: environment.services.deployment.strategy === "rolling",
    };
    new route53.CfnRecordSet(this, "ByName", {
      hostedZoneId: zone.hostedZoneId,
      name: `${byName(site)}.`,
      type: "A",
      aliasTarget,
    });
    const healthCheck = new route53.CfnHealthCheck(this, "HealthCheck", {
      healthCheckConfig: {
        type: environment.load_balancer.protocol.toUpperCase(),
        fullyQualifiedDomainName: byName(site),
        port: environment.load_balancer.port,
        resourcePath: "/health",
        requestInterval: environment.edge.health_check_interval_seconds,
        failureThreshold: 3,
      },
      healthCheckTags: [{ key: "Name", value: `${site.prefix}-${site.region}` }],
    });
    new route53.CfnRecordSet(this, "ByLatency", {
      hostedZoneId: zone.hostedZoneId,
      name: `${byLatency(site)}.`,
      type: "A",
      region: site.region,
      setIdentifier: site.region,
      healthCheckId: healthCheck.attrHealthCheckId,
      aliasTarget,
    });
  }
}
