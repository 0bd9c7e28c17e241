/** The network and ecs areas of prod, as tests/bench/areas.py builds them. */
import * as cdk from "aws-cdk-lib";
import * as kms from "aws-cdk-lib/aws-kms";
import * as route53 from "aws-cdk-lib/aws-route53";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { AwsSolutionsChecks } from "cdk-nag";
import { acknowledge } from "../lib/acknowledged";
import { PlatformStack, Site } from "../lib/base";
import { ACCOUNT, loadEnvironment, loadManifests } from "../lib/config";
import { Lake, EcsStack } from "../lib/ecs/stack";
import { FLAGS } from "../lib/flags";
import { NetworkStack, NetworkStateStack } from "../lib/network/stack";

class GivenStack extends PlatformStack implements Lake {
  readonly zone: route53.IHostedZone;
  readonly bucket: s3.IBucket;
  readonly key: kms.IKey;
  readonly secretsKey: kms.IKey;

  constructor(scope: cdk.App, site: Site) {
    super(scope, site, "datalake", "What the bench imports");
    this.zone = route53.HostedZone.fromHostedZoneAttributes(this, "Zone", {
      hostedZoneId: "Z0123456789ABCDEFGHIJ",
      zoneName: site.environment.domain,
    });
    this.bucket = s3.Bucket.fromBucketName(this, "Lake", site.lakeBucket());
    const [lakeKey, secretsKey] = [0, 1].map(
      (n) => `arn:aws:kms:${site.region}:${site.account}:key/00000000-0000-0000-0000-00000000000${n}`,
    );
    this.key = kms.Key.fromKeyArn(this, "Key", lakeKey);
    this.secretsKey = kms.Key.fromKeyArn(this, "SecretsKey", secretsKey);
    new ssm.StringParameter(this, "Parameter-zone-id", {
      parameterName: site.parameter("dns", "zone-id"),
      stringValue: this.zone.hostedZoneId,
    });
  }
}

const environment = loadEnvironment("prod");
const manifests = loadManifests();
const context = { ...FLAGS };
for (const [code, region] of Object.entries(environment.regions)) {
  context[`availability-zones:account=${ACCOUNT}:region=${code}`] = region.availability_zones;
}
const app = new cdk.App({ context, outdir: process.env.CDK_OUTDIR });
cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks());
for (const region of Object.keys(environment.regions)) {
  const site = new Site(environment, ACCOUNT, region);
  const network = new NetworkStack(app, site, new NetworkStateStack(app, site));
  const lake = new GivenStack(app, site);
  new EcsStack(app, site, { network, zone: lake.zone, lake, manifests });
}
for (const stack of app.node.children) {
  if (stack instanceof PlatformStack) {
    acknowledge(stack);
  }
}
app.synth();
