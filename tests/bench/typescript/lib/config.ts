/** The same files that Python reads: environments/<name>.yaml and each service.yaml, without their validation. */
import { readFileSync, readdirSync, existsSync } from "node:fs";
import * as path from "node:path";
import { crc32 } from "node:zlib";
import { parse } from "yaml";

export const ROOT = path.resolve(__dirname, "..", "..", "..", "..", "..");
export const ACCOUNT = "111111111111";

export interface Region {
  cidr: string;
  availability_zones: string[];
}

export interface TaskCount {
  min: number;
  desired: number;
  max: number;
}

export interface Environment {
  name: string;
  domain: string;
  home_region: string;
  writer_region: string;
  data_regions: string[];
  promotable_regions: string[];
  datastore_regions: string[];
  protect: boolean;
  reserve_concurrency: boolean;
  regions: Record<string, Region>;
  tags: Record<string, string>;
  network: {
    address_space: string;
    nat_gateways: "per-zone" | "one" | "none";
    interface_endpoints: string[];
    flow_log_days: number;
  };
  database: { port: number; tls: boolean };
  cache: { port: number; tls: boolean };
  streaming: { security: string } | null;
  load_balancer: {
    protocol: "https" | "http";
    port: number;
    managed_prefix_lists: boolean;
    allowed_cidrs: string[];
    idle_timeout_seconds?: number;
    keep_alive_seconds?: number;
    slow_start_seconds?: number;
  };
  services: {
    architecture: "arm64" | "x86_64";
    log_level: string;
    log_days: number;
    container_insights: boolean;
    deployment: {
      strategy: "rolling" | "blue-green";
      bake_minutes?: number;
      minimum_healthy_percent?: number;
      maximum_percent?: number;
    };
    capacity: { on_demand_base: number; on_demand_weight: number; spot_weight: number };
    execute_command: boolean;
    tasks?: TaskCount;
  };
  telemetry?: {
    image: string;
    cpu: number;
    memory: number;
    scrape_seconds: number;
    trace_percent: number;
  } | null;
  edge: { certificate: boolean; health_check_interval_seconds: number };
}

export interface TaskRun {
  name: string;
  command: string[];
  run: "before-service" | "schedule";
  schedule?: string;
  placement?: "every-region" | "writer-region";
}

export interface Manifest {
  name: string;
  paths: string[];
  default: boolean;
  port: number;
  grpc?: number;
  command: string[];
  cpu: number;
  memory: number;
  min: number;
  desired: number;
  max: number;
  placement: "every-region" | "writer-region";
  health: {
    path: string;
    interval: number;
    timeout: number;
    healthy_threshold: number;
    unhealthy_threshold: number;
    start_period: number;
  };
  needs: string[];
  slo: { availability: number };
  scaling: {
    cpu: number;
    memory: number;
    requests_per_target?: number;
    concurrency?: number;
    lag?: { topic: string; group: string; messages_per_task: number };
  };
  ephemeral_storage?: number;
  tasks: TaskRun[];
}

const HEALTH = {
  path: "/health",
  interval: 10,
  timeout: 5,
  healthy_threshold: 2,
  unhealthy_threshold: 3,
  start_period: 30,
};

export function loadEnvironment(name: string): Environment {
  return parse(readFileSync(path.join(ROOT, "environments", `${name}.yaml`), "utf8"));
}

export function loadManifests(): Manifest[] {
  const folder = path.join(ROOT, "services", "richesreach");
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name, "service.yaml"))
    .filter((file) => existsSync(file))
    .map((file) => {
      const given = parse(readFileSync(file, "utf8"));
      return {
        paths: [],
        default: false,
        min: 2,
        desired: 3,
        max: 10,
        placement: "every-region",
        needs: [],
        tasks: [],
        ...given,
        health: { ...HEALTH, ...given.health },
        scaling: { cpu: 60, memory: 70, ...given.scaling },
      };
    });
}

export function counts(environment: Environment, manifest: Manifest): TaskCount {
  return environment.services.tasks ?? manifest;
}

export function exposed(manifest: Manifest): boolean {
  return manifest.default || manifest.paths.length > 0;
}

export function priority(manifest: Manifest): number {
  return manifest.default ? 49000 : 1000 + (crc32(manifest.name) % 48000);
}

export function rulePaths(manifest: Manifest): string[] {
  const byLength = (a: string, b: string) => b.length - a.length || (a < b ? -1 : 1);
  return manifest.default ? ["/*"] : [...manifest.paths].sort(byLength);
}

/** What follows a prefix in the manifest's needs: `lake:raw/market_data`, `secrets:providers/polygon`. */
export function needed(manifest: Manifest, prefix: string): string[] {
  return manifest.needs.filter((need) => need.startsWith(prefix)).map((need) => need.slice(prefix.length));
}
