"""From a task definition to the process that stands for its application container."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local import aws
from ops.local.paths import ROOT, SERVICES_PYTHON
from ops.local.process import BASE_PATH, Command
from ops.local.reconcilers.secrets import Clients, resolve
from ops.local.reconcilers.service_connect import renamed

PUBLIC_REGISTRIES = ("public.ecr.aws/", "docker.io/", "quay.io/", "ghcr.io/", "gcr.io/", "amazon/", "otel/")


class TaskError(RuntimeError):
    """A task definition that cannot be run; the message says what to change."""


@dataclass(frozen=True)
class Host:
    """What every task of this machine gets: the Python of the services, folders of logs and of work."""

    clients: Clients
    logs: Path
    work: Path
    python: Path = SERVICES_PYTHON


@dataclass(frozen=True)
class Plan:
    """The application container of a task definition, its secrets resolved.

    `ports` are the container ports it declares; `notes` say what of the definition has no local meaning.
    """

    container: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    secrets: frozenset[str]
    ports: tuple[int, ...]
    notes: tuple[str, ...]

    def command(self, name: str, address: str, host: Host) -> Command:
        """The process, in an empty folder of its own, bound to the task's address."""
        env = {
            "PATH": f"{host.python.parent}:{BASE_PATH}",
            "PYTHONPATH": str(ROOT / "services"),
            **self.env,
            "AWS_ENDPOINT_URL": aws.endpoint(),
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
            "BIND_ADDRESS": address,
        }
        return Command(self.argv, host.logs / f"{name}.log", env, host.work / name, secrets=self.secrets)


def plan(
    host: Host,
    region: str,
    definition: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> Plan:
    """What to run for a task definition in `region`; `names` are the neighbours' that its tasks know.

    Raises TaskError where the definition cannot run, SecretError where a secret cannot be resolved.
    """
    container, notes = _application(definition)
    name = str(container["name"])
    override = _override(overrides or {}, name)
    argv = [str(word) for word in override.get("command") or container.get("command") or []]
    argv = [*(str(word) for word in container.get("entryPoint") or []), *argv]
    if not argv:
        raise TaskError(
            f"container {name} has neither Command nor EntryPoint: the local platform cannot look into its "
            "image, give the command in the task definition"
        )
    if argv[0] in {"python", "python3"}:
        argv[0] = str(host.python)
    env = {e["name"]: str(e.get("value", "")) for e in container.get("environment") or []}
    env.update({e["name"]: str(e.get("value", "")) for e in override.get("environment") or []})
    secrets = {
        s["name"]: resolve(host.clients, region, s["name"], s["valueFrom"])
        for s in container.get("secrets") or []
    }
    mappings = container.get("portMappings") or []
    return Plan(
        container=name,
        argv=tuple(argv),
        env={**{name: renamed(value, names or {}) for name, value in env.items()}, **secrets},
        # A short value would blot out ordinary words of a reason.
        secrets=frozenset(value for value in secrets.values() if len(value) >= 4),
        ports=tuple(int(m["containerPort"]) for m in mappings if m.get("containerPort")),
        notes=tuple(notes),
    )


def _application(definition: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The one container that is run: the first essential one whose image is not a public sidecar's."""
    family = definition.get("family", "")
    chosen: Mapping[str, Any] | None = None
    notes: list[str] = []
    for container in definition.get("containerDefinitions") or []:
        name, image = container.get("name", ""), str(container.get("image", ""))
        if image.startswith(PUBLIC_REGISTRIES):
            notes.append(f"sidecar {name} ({image}) is not run locally")
        elif not container.get("essential", True) or chosen is not None:
            notes.append(f"container {name} is not run locally: only the application container is")
        else:
            chosen = container
            if container.get("healthCheck"):
                notes.append(f"health check of container {name} is not run locally: the target's decides")
    if chosen is None:
        raise TaskError(f"task definition {family} has no essential container with an image of its own")
    return chosen, notes


def _override(overrides: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = (o for o in overrides.get("containerOverrides") or [] if o.get("name") == name)
    return next(found, {})
