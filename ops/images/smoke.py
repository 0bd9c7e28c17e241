"""Runs an image as ECS would, without a network: what serves so needs nothing but its task definition."""

from __future__ import annotations

import json
import resource
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from ops.errors import OperationError
from ops.images.engine import Engine
from ops.images.task import Container

#: Seconds until a service answers, and a task writes its first line.
START = 60

#: Where the engine itself puts the init process.
INIT = ("/sbin/docker-init", "/usr/sbin/docker-init")

#: Runs beside the service, in its container: status of a path on its port.
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).status)"

#: Loads what the DSNs verify servers against, as the driver would.
TRUST = "import ssl, sys; print(len(ssl.create_default_context(cafile=sys.argv[1]).get_ca_certs()))"

#: User ids of every process: real, effective, saved.
USERS = """
import glob
for status in glob.glob("/proc/[0-9]*/status"):
    lines = dict(line.split(":", 1) for line in open(status))
    print(*lines["Uid"].split()[:3])
"""


def options(container: Container, name: str, open_files: int) -> list[str]:
    """Arguments of ``docker run`` before the image.

    ``open_files`` is what this machine can give, which may be less than the task definition asks for.
    A volume at each mount point is new and anonymous, as on Fargate: it has the permissions that the image
    gives the folder.
    """
    arguments = ["run", "--detach", "--name", name, "--network", "none"]
    arguments += ["--read-only"] if container.read_only else []
    arguments += ["--init"] if container.init else []
    arguments += [f"--cap-drop={capability}" for capability in container.dropped]
    arguments += [f"--volume={path}" for path in container.mounts]
    arguments += [f"--ulimit=nofile={min(container.open_files, open_files)}", f"--memory={container.memory}m"]
    arguments += [f"--cpus={container.cpu:g}", f"--stop-timeout={container.stop_timeout}"]
    for variable, value in container.environment.items():
        arguments += ["--env", f"{variable}={value}"]
    return arguments


@contextmanager
def running(engine: Engine, image: str, container: Container) -> Iterator[str]:
    """The container's name while it runs; it is removed with its volumes."""
    name = f"richesreach-{uuid.uuid4().hex[:12]}"
    try:
        # Our own daemon's containers get no more than it, which has what we have.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1] if engine.own else container.open_files
        engine.run(*options(container, name, limit), image, *container.command)
        yield name
    finally:
        engine.attempt("rm", "--force", "--volumes", name)


def service(engine: Engine, image: str, container: Container, path: str) -> float:
    """Checks that it serves, and ends as it should; gives the seconds until it answered.

    Raises:
        OperationError: it does not; the text says which check failed.
    """
    with running(engine, image, container) as name:
        seconds = _wait_until_it_answers(engine, name, f"http://127.0.0.1:{container.port}{path}")
        for line in engine.run("exec", name, "python", "-c", USERS).splitlines():
            if "0" in line.split():
                raise OperationError(f"{image}: a process runs as root")
        for bundle in bundles(container):
            engine.run("exec", name, "python", "-c", TRUST, bundle)
        changed = written(engine.run("diff", name), container.mounts)
        if changed:
            places = " and ".join(container.mounts)
            raise OperationError(f"{image}: writes {', '.join(changed)}; only {places} is its own")
        _stop(engine, image, name, container)
    return seconds


def task(engine: Engine, image: str, container: Container) -> str:
    """Checks that a task of the image starts: it reads its settings and logs; gives the first event.

    Raises:
        OperationError: it does not, or its settings are wrong.
    """
    with running(engine, image, container) as name:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            output = engine.attempt("logs", name)
            event = first_event(output.stdout + output.stderr)
            if event is not None:
                return event
            if not _is_running(engine, name):
                break
            time.sleep(0.2)
        command = " ".join(container.command)
        raise OperationError(f"{image}: {command} does not start: {_last_line(engine, name)}")


def first_event(log: str) -> str | None:
    """The event of the first JSON line; None where there is none yet.

    Raises:
        OperationError: it says that the settings are wrong.
    """
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        # Details are the libraries' own; what the service says of itself is more.
        if isinstance(entry, dict) and "event" in entry and entry.get("level") != "debug":
            if entry["event"] == "settings_wrong":
                raise OperationError(f"the task definition does not fit the image: {entry.get('problems')}")
            return str(entry["event"])
    return None


def bundles(container: Container) -> list[str]:
    """Files of certificates that the addresses of the environment name."""
    queries = [parse_qs(urlsplit(value).query) for value in container.environment.values() if "://" in value]
    return sorted({path for query in queries for path in query.get("sslrootcert", ())})


def written(difference: str, mounts: tuple[str, ...]) -> list[str]:
    """Paths of ``docker diff`` that no volume holds; folders on the way to a volume count as its own."""
    paths = [line.partition(" ")[2] for line in difference.splitlines()]
    own = [*mounts, *INIT]
    return [path for path in paths if not any(f"{place}/".startswith(f"{path}/") for place in own)]


def _wait_until_it_answers(engine: Engine, name: str, url: str) -> float:
    began = time.monotonic()
    answer = "nothing"
    while time.monotonic() - began < START:
        asked = engine.attempt("exec", name, "python", "-c", ASK, url, timeout=20)
        if asked.stdout.strip() == "200":
            return time.monotonic() - began
        answer = (asked.stderr.strip().splitlines() or [answer])[-1]
        if not _is_running(engine, name):
            raise OperationError(f"{name} ended: {_last_line(engine, name)}")
        time.sleep(0.2)
    raise OperationError(f"{url} does not answer within {START} s ({answer}): {_last_line(engine, name)}")


def _stop(engine: Engine, image: str, name: str, container: Container) -> None:
    """SIGTERM, as ECS sends it; killed after the task definition's time-out, it would end with 137."""
    engine.run("stop", f"--time={container.stop_timeout}", name, timeout=container.stop_timeout + 60)
    status = json.loads(engine.run("inspect", name))[0]["State"]["ExitCode"]
    if status != 0:
        raise OperationError(
            f"{image}: ends with {status} after SIGTERM, not 0 within {container.stop_timeout} s:"
            f" {_last_line(engine, name)}"
        )


def _is_running(engine: Engine, name: str) -> bool:
    return engine.attempt("inspect", "--format", "{{.State.Running}}", name).stdout.strip() == "true"


def _last_line(engine: Engine, name: str) -> str:
    output = engine.attempt("logs", "--tail", "5", name)
    lines = (output.stdout + output.stderr).strip().splitlines()
    return lines[-1] if lines else "it wrote nothing"
