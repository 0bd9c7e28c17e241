"""Gateways that are measured beside the router, each as it is started by its own documentation."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import loopback
from canned_provider import CannedProvider
from mock_provider import ROOT

INSTALLED = ROOT / ".bench-ai"
MODEL = "gpt-4o-mini"
KEY = "sk-bench-0123456789"

# Before a Node program: wherever it wants to listen, it listens on this address.
_BIND = """
const net = require("net"), listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const last = rest.filter((one) => typeof one === "function");
  const port = typeof first === "object" ? first.port : first;
  return listen.call(this, { port, host: %s }, ...last);
};
"""


@dataclass
class Gateway:
    """Where one is asked, and its processes. `model` is what it calls the model."""

    name: str
    targets: list[tuple[str, int]]
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)
    model: str = MODEL
    roots: list[int] = field(default_factory=list)


def tree(roots: list[int]) -> list[int]:
    """The processes and all that they started."""
    found, left = [], list(roots)
    while left:
        process = left.pop()
        found.append(process)
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            left += [int(child) for child in task.read_text().split()]
    return found


def megabytes(roots: list[int]) -> float:
    """Proportional set size: pages that processes share count once."""
    total = 0
    for process in tree(roots):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def processor(roots: list[int]) -> float:
    """Seconds of processor time so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for process in tree(roots):
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / ticks


@contextmanager
def started(
    command: list[str], target: tuple[str, int], environ: dict[str, str], folder: Path = ROOT
) -> Iterator[int]:
    """One process that serves at `target` within five minutes."""
    with (folder / "log").open("w") if folder != ROOT else open(os.devnull, "w") as log:  # noqa: PTH123
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
            start_new_session=True,
        )
        try:
            loopback.until(lambda: loopback.accepts(*target), f"{command[0]} serves", patience=300)
            time.sleep(1)
            yield process.pid
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(20)


@contextmanager
def litellm(provider: CannedProvider, processes: int) -> Iterator[Gateway]:
    """Processes of one worker each, as the router's tasks."""
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {
                    "model": f"openai/{MODEL}",
                    "api_base": f"{provider.url}/v1",
                    "api_key": KEY,
                },
            }
        ],
        "litellm_settings": {"set_verbose": False, "telemetry": False},
        "general_settings": {"master_key": KEY},
    }
    binary = str(INSTALLED / "litellm" / "bin" / "litellm")
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    gateway = Gateway("LiteLLM proxy", [], headers={"authorization": f"Bearer {KEY}"})
    with ExitStack() as stack:
        for _ in range(processes):
            host, port = loopback.own_address()
            folder = Path(stack.enter_context(TemporaryDirectory()))
            (folder / "config.json").write_text(json.dumps(config))
            command = [binary, "--config", str(folder / "config.json"), "--host", host, "--port", str(port)]
            process = stack.enter_context(started(command, (host, port), environ, folder))
            gateway.targets.append((host, port))
            gateway.roots.append(process)
        yield gateway


@contextmanager
def portkey(provider: CannedProvider, _workers: int) -> Iterator[Gateway]:
    """One process: it has no option for more. By itself it listens on every address; here on this one."""
    host, port = loopback.own_address()
    package = INSTALLED / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
    node = str(ROOT / ".venv" / "bin" / "node")
    with TemporaryDirectory() as folder:
        bind = Path(folder) / "bind.cjs"
        bind.write_text(_BIND % json.dumps(host))
        command = [node, "--require", str(bind), str(package / "build" / "start-server.js")]
        command += ["--headless", f"--port={port}"]
        environ = {"TRUSTED_CUSTOM_HOSTS": provider.host, "NODE_ENV": "production"}
        with started(command, (host, port), environ, Path(folder)) as process:
            headers = {
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": f"{provider.url}/v1",
                "authorization": f"Bearer {KEY}",
            }
            yield Gateway("Portkey gateway", [(host, port)], headers=headers, roots=[process])


@contextmanager
def bifrost(provider: CannedProvider, _workers: int) -> Iterator[Gateway]:
    host, port = loopback.own_address()
    with TemporaryDirectory() as folder:
        config = {
            "providers": {
                "openai": {
                    "keys": [{"name": "bench", "value": KEY, "models": [MODEL], "weight": 1.0}],
                    "network_config": {"base_url": provider.url},
                    "concurrency_and_buffer_size": {"concurrency": 64, "buffer_size": 256},
                }
            },
            "client": {"enable_logging": False, "drop_excess_requests": False},
            "config_store": {"enabled": False},
        }
        (Path(folder) / "config.json").write_text(json.dumps(config))
        binary = str(INSTALLED / "bifrost" / "bifrost-http")
        command = [binary, "-host", host, "-port", str(port), "-app-dir", folder, "-log-level", "error"]
        with started(command, (host, port), {}, Path(folder)) as process:
            yield Gateway("Bifrost", [(host, port)], model=f"openai/{MODEL}", roots=[process])


RIVALS = {"litellm": litellm, "portkey": portkey, "bifrost": bifrost}
