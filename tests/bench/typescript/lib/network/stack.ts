import * as cdk from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { allowLogs, PlatformStack, Site } from "../base";
import { PlatformFunction } from "../function";
import { grantedRole } from "../role";
import { DataSubnetAcl } from "./data-acl";

export const PUBLIC = "public";
export const PRIVATE = "private";
export const DATA = "data";

export class NetworkStateStack extends PlatformStack {
  readonly key: kms.Key;
  readonly flowLogs: logs.LogGroup;
  readonly closerLogs: logs.LogGroup;

  constructor(scope: Construct, site: Site) {
    super(scope, site, "network-state", "Log groups of the network, key of logs");
    this.key = new kms.Key(this, "LogKey", {
      alias: `${site.prefix}-logs`,
      description: `Logs of the network and the services of ${site.prefix} in ${site.region}`,
      enableKeyRotation: true,
      removalPolicy: site.removalPolicy,
    });
    allowLogs(this.key, site, `/${site.prefix}/*`);
    this.flowLogs = this.logGroup("FlowLogs", "flow-logs");
    this.closerLogs = this.logGroup("GroupCloserLogs", "close-security-group");
  }

  private logGroup(id: string, name: string): logs.LogGroup {
    return new logs.LogGroup(this, id, {
      logGroupName: this.site.logGroup("network", name),
      encryptionKey: this.key,
      retention: this.site.environment.network.flow_log_days,
      removalPolicy: this.site.removalPolicy,
    });
  }
}

export class NetworkStack extends PlatformStack {
  readonly logKey: kms.IKey;
  readonly vpc: ec2.Vpc;

  constructor(scope: Construct, site: Site, state: NetworkStateStack) {
    super(scope, site, "network", "VPC, subnets, NAT, endpoints and data ACL");
    this.logKey = state.key;
    this.vpc = this.network();
    new InterfaceEndpoints(this, "Endpoints", site, this.vpc);
    new DataSubnetAcl(this, "DataAcl", site, this.vpc, DATA);
    new ClosedDefaultGroup(this, "DefaultGroup", site, this.vpc, state.closerLogs);
    this.flowLog(state);
    this.publish();
  }

  private publish(): void {
    const tables = [PRIVATE, DATA].flatMap((subnetGroupName) =>
      this.vpc.selectSubnets({ subnetGroupName }).subnets.map((subnet) => subnet.routeTable.routeTableId),
    );
    new cdk.CfnOutput(this, "VpcId", { value: this.vpc.vpcId });
    new cdk.CfnOutput(this, "RouteTables", { value: tables.join(",") });
  }

  private flowLog(state: NetworkStateStack): void {
    const [role, policy] = grantedRole(this, "FlowLog", {
      assumedBy: new iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
      description: "Flow log of the VPC",
    });
    state.flowLogs.grant(policy, "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents");
    const flowLog = this.vpc.addFlowLog("FlowLog", {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(state.flowLogs, role),
    });
    flowLog.node.addDependency(policy);
  }

  private network(): ec2.Vpc {
    const region = this.site.environment.regions[this.site.region];
    const zones = region.availability_zones;
    const nat = this.site.environment.network.nat_gateways;
    return new ec2.Vpc(this, "Vpc", {
      vpcName: this.site.prefix,
      ipAddresses: ec2.IpAddresses.cidr(region.cidr),
      availabilityZones: zones,
      natGateways: { "per-zone": zones.length, one: 1, none: 0 }[nat],
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: PUBLIC, subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        {
          name: PRIVATE,
          subnetType: nat === "none" ? ec2.SubnetType.PRIVATE_ISOLATED : ec2.SubnetType.PRIVATE_WITH_EGRESS,
          cidrMask: 22,
        },
        { name: DATA, subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
  }
}

class InterfaceEndpoints extends Construct {
  constructor(scope: Construct, id: string, site: Site, vpc: ec2.Vpc) {
    super(scope, id);
    const network = ec2.Peer.ipv4(site.environment.regions[site.region].cidr);
    for (const service of [...site.environment.network.interface_endpoints].sort()) {
      const group = new ec2.SecurityGroup(this, `${service}-group`, {
        vpc,
        description: `Endpoint of ${service}`,
        allowAllOutbound: false,
      });
      group.addIngressRule(network, ec2.Port.tcp(443), "HTTPS from the region's network");
      new ec2.InterfaceVpcEndpoint(this, service, {
        vpc,
        service: new ec2.InterfaceVpcEndpointAwsService(service),
        subnets: { subnetGroupName: PRIVATE },
        securityGroups: [group],
        privateDnsEnabled: true,
        open: false,
      });
    }
  }
}

class ClosedDefaultGroup extends Construct {
  constructor(scope: Construct, id: string, site: Site, vpc: ec2.Vpc, logGroup: logs.ILogGroup) {
    super(scope, id);
    const group = `arn:aws:ec2:${site.region}:${site.account}:security-group/${vpc.vpcDefaultSecurityGroup}`;
    const closer = new PlatformFunction(this, "Closer", site, {
      code: "close_security_group",
      description: "Takes every rule from a security group",
      timeout: cdk.Duration.minutes(1),
      logGroup,
      statements: [
        new iam.PolicyStatement({
          sid: "TakeTheRules",
          actions: ["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
          resources: [group],
        }),
        new iam.PolicyStatement({
          sid: "ReadTheRules",
          actions: ["ec2:DescribeSecurityGroups"],
          resources: ["*"],
        }),
      ],
    });
    new cdk.CustomResource(this, "Resource", {
      resourceType: "Custom::ClosedSecurityGroup",
      serviceToken: closer.resource.functionArn,
      properties: { GroupId: vpc.vpcDefaultSecurityGroup, Revision: "1" },
    });
  }
}
