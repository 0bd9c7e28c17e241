"""The container engine: one that already answers, which is left as it is, or a daemon of our own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import OperationError
from ops.images.places import IMAGES

INSTALL = "as root: apt-get install --no-install-recommends docker.io debootstrap"

#: Longest path of a Unix socket (sun_path in unix(7), less its closing zero), and where the deepest one is.
SOCKET_PATH = 107
DEEPEST_SOCKET = "exec/containerd/containerd-debug.sock"

#: Seconds.
START = 60
STOP = 30

#: The daemon's own programs are here, and not on every user's PATH.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"

#: From this client on, building with BuildKit needs a plugin that Debian packages apart.
PLUGIN_SINCE = 23


@dataclass(frozen=True)
class Engine:
    """``docker`` is the client; ``own``: the daemon is ours, so that what is in it matters to nobody."""

    docker: str
    own: bool
    environment: Mapping[str, str] = field(default_factory=dict)

    def attempt(
        self, *arguments: str, timeout: float = 120, standard_input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs the client to its end, whatever its status; a time-out counts as status 124."""
        command = [self.docker, *arguments]
        try:
            return subprocess.run(
                command,
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                input=standard_input,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout:g} s")

    def run(self, *arguments: str, timeout: float = 120, standard_input: str | None = None) -> str:
        """What the client prints.

        Raises:
            OperationError: it failed; the text is the last line that it wrote.
        """
        done = self.attempt(*arguments, timeout=timeout, standard_input=standard_input)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
            raise OperationError(f"docker {arguments[0]}: {lines[-1]}")
        return done.stdout


@dataclass(frozen=True)
class Client:
    """A ``docker`` program; without BuildKit it builds with the older builder, which is enough."""

    path: str
    buildkit: bool

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_BUILDKIT": "1" if self.buildkit else "0"}


@contextmanager
def engine(folder: Path = IMAGES) -> Iterator[Engine]:
    """The engine that answers, else one started here and ended with the context.

    Raises:
        OperationError: there is none and none can be started; the text says what to install.
    """
    client = find_client(os.environ.get("PATH", os.defpath))
    if client is not None:
        found = Engine(client.path, own=False, environment=client.environment)
        if found.attempt("info", timeout=30).returncode == 0:
            yield found
            return
    daemon = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}")
    if client is None or daemon is None:
        raise OperationError(f"no container engine answers, and none is installed; {INSTALL}")
    if os.geteuid() != 0:
        raise OperationError(
            "no container engine answers, and only root may start one; start Docker, or run this as root"
        )
    with own_daemon(daemon, folder) as address:
        yield Engine(client.path, own=True, environment={**client.environment, "DOCKER_HOST": address})


def find_client(path: str) -> Client | None:
    """The first ``docker`` on the path that builds with BuildKit, else the first."""
    found = [shutil.which("docker", path=folder) for folder in path.split(os.pathsep) if folder]
    clients = [Client(docker, _has_buildkit(docker)) for docker in dict.fromkeys(found) if docker]
    return next((client for client in clients if client.buildkit), clients[0] if clients else None)


def _has_buildkit(docker: str) -> bool:
    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([docker, *arguments], capture_output=True, text=True, timeout=30, check=False)

    version = re.search(r"version (\d+)", ask("--version").stdout)
    if version and int(version[1]) < PLUGIN_SINCE:
        return True
    return ask("buildx", "version").returncode == 0


@contextmanager
def own_daemon(program: str, folder: Path) -> Iterator[str]:
    """A daemon with everything of its own below ``folder``; gives its address, and ends it by its id.

    It has no bridge and changes no firewall rule: builds use the machine's own network, containers none.

    Raises:
        OperationError: it does not come up; the text is the last line of its log.
    """
    if len(str(folder / DEEPEST_SOCKET)) > SOCKET_PATH:
        raise OperationError(
            f"{folder} is too deep a folder for the sockets of a container engine;"
            " set RICHESREACH_STATE_DIR to a shorter one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    command = [
        *(program, "--host", f"unix://{socket}", "--pidfile", str(folder / "dockerd.pid")),
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
        *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
    ]
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}"}
    with log.open("w") as output:
        # A session of its own: Ctrl-C must reach us alone, so that containers are removed first.
        daemon = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    try:
        _wait_for(daemon, socket, log)
        yield f"unix://{socket}"
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(STOP)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """The daemon leaves its network namespace mounted, so that the folder could not be removed."""
    mounted = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    for place in sorted(mounted, reverse=True):
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", place], check=False, timeout=STOP)


def _wait_for(daemon: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + START
    while "API listen on" not in log.read_text(errors="replace") or not socket.exists():
        if daemon.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines() or ["it wrote nothing"]
            raise OperationError(f"dockerd does not start ({log}): {lines[-1]}")
        time.sleep(0.1)
