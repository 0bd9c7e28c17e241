import * as ecs from "aws-cdk-lib/aws-ecs";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { Site } from "../base";
import { Manifest, needed } from "../config";

/** Of the edge-state area, which the bench does not build; as _user_pool of tests/bench/areas.py. */
export const userPool = (site: Site) => {
  const region = "us-east-1"; // where the zone and everything of the edge is
  const id = `${region}_AbCdEfGhI`;
  return {
    id,
    arn: `arn:aws:cognito-idp:${region}:${site.account}:userpool/${id}`,
    issuer: `https://cognito-idp.${region}.amazonaws.com/${id}`,
  };
};

/** Of stores that the bench does not build; as GivenMember of tests/bench/areas.py. */
const endpoint = (store: string, region: string) => `${store}.${region}.example`;
const reader = (store: string, region: string) => `${store}-reader.${region}.example`;

export class TaskVariables extends Construct {
  private readonly known = new Map<string, secretsmanager.ISecret>();

  constructor(
    scope: Construct,
    id: string,
    readonly site: Site,
  ) {
    super(scope, id);
  }

  plain(manifest: Manifest): Record<string, string> {
    const environment = this.site.environment;
    const values: Record<string, string> = {
      SERVICE_NAME: manifest.name,
      ENVIRONMENT: environment.name,
      AWS_REGION: this.site.region,
      HOME_REGION: environment.home_region,
      WRITER_REGION: environment.writer_region,
      PORT: String(manifest.port),
      LOG_LEVEL: environment.services.log_level,
      S3_BUCKET: this.site.lakeBucket(),
    };
    const pool = userPool(this.site);
    Object.assign(values, { IDENTITY_ISSUER: pool.issuer, IDENTITY_CLIENTS: "web-client service-client" });
    if (manifest.needs.includes("identity")) {
      Object.assign(values, { USER_POOL_ID: pool.id, USER_POOL_CLIENT_ID: "web-client" });
    }
    if (manifest.grpc) {
      values.RPC_PORT = String(manifest.grpc);
    }
    const providers: Record<string, () => Record<string, string>> = {
      database: () => this.database(),
      cache: () => this.cache(),
      "global-cache": () => this.datastore(),
    };
    for (const need of manifest.needs) {
      Object.assign(values, providers[need]?.());
    }
    return values;
  }

  secrets(manifest: Manifest): Record<string, ecs.Secret> {
    const stores: [string, string, string, string][] = [
      ["database", "DATABASE_USER", "DATABASE_PASSWORD", "database"],
      ["cache", "REDIS_USERNAME", "REDIS_PASSWORD", "cache/app"],
      ["global-cache", "GLOBAL_CACHE_USERNAME", "GLOBAL_CACHE_PASSWORD", "global-cache/app"],
    ];
    const values: Record<string, ecs.Secret> = {};
    for (const [need, user, password, name] of stores) {
      if (manifest.needs.includes(need)) {
        values[user] = ecs.Secret.fromSecretsManager(this.own(name), "username");
        values[password] = ecs.Secret.fromSecretsManager(this.own(name), "password");
      }
    }
    for (const name of needed(manifest, "secrets:")) {
      const variable = "SECRET_" + name.toUpperCase().replaceAll("/", "_").replaceAll("-", "_");
      values[variable] = ecs.Secret.fromSecretsManager(this.own(name));
    }
    return values;
  }

  private own(name: string): secretsmanager.ISecret {
    let secret = this.known.get(name);
    if (!secret) {
      const id = `Secret-${name}`.replaceAll("/", "-");
      secret = secretsmanager.Secret.fromSecretNameV2(this, id, this.site.secret(name));
      this.known.set(name, secret);
    }
    return secret;
  }

  private database(): Record<string, string> {
    const { data_regions, promotable_regions, writer_region } = this.site.environment;
    const first = (code: string) => [code, ...promotable_regions.filter((region) => region !== code)];
    return {
      DATABASE_WRITER_DSN: this.dsn(
        first(writer_region).map((region) => endpoint("database", region)),
        "read-write",
      ),
      DATABASE_READER_DSN: this.dsn(
        first(this.near(data_regions)).map((region) => reader("database", region)),
        "any",
      ),
    };
  }

  /** Prod has every store in every region; the nearest other one is stacks/regions.py's to know. */
  private near(regions: string[]): string {
    if (!regions.includes(this.site.region)) {
      throw new Error(`the twin knows no region near ${this.site.region}: stacks/regions.py does`);
    }
    return this.site.region;
  }

  private dsn(hosts: string[], session: string): string {
    const settings = this.site.environment.database;
    const places = hosts.map((host) => `${host}:${settings.port}`).join(",");
    const tls = settings.tls ? "verify-full&sslrootcert=/etc/ssl/certs/rds-global-bundle.pem" : "disable";
    return `postgresql://${places}/richesreach?target_session_attrs=${session}&sslmode=${tls}`;
  }

  private cache(): Record<string, string> {
    const settings = this.site.environment.cache;
    return {
      REDIS_PRIMARY_HOST: endpoint("cache", this.site.region),
      REDIS_PRIMARY_PORT: String(settings.port),
      REDIS_SECONDARY_HOST: reader("cache", this.site.region),
      REDIS_SECONDARY_PORT: String(settings.port),
      REDIS_TLS: String(settings.tls),
    };
  }

  private datastore(): Record<string, string> {
    const environment = this.site.environment;
    return {
      GLOBAL_CACHE_HOST: endpoint("datastore", this.near(environment.datastore_regions)),
      GLOBAL_CACHE_PORT: String(environment.cache.port),
      GLOBAL_CACHE_WRITER_HOST: endpoint("datastore", environment.writer_region),
    };
  }
}
