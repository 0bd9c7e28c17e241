"""What must hold before anything starts: each failure names the mend."""

from __future__ import annotations

import socket
from pathlib import Path

from ops import cdk
from ops.errors import OperationError
from ops.local import aws, paths
from ops.local.reconcilers import models
from stacks.environment import Environment

#: First addresses of the ranges that the platform hands out; see ops/local/reconcilers/addresses.py.
PROBED = ("127.70.0.1", "127.80.0.1", "127.90.0.1", "127.95.0.1")


def check(environment: Environment) -> None:
    """Programs are installed, ports are free, and the loopback answers on every address.

    Raises:
        OperationError: one of these does not hold.
    """
    for program in (paths.LOCAL_PYTHON, paths.SERVICES_PYTHON, cdk.CDK):
        if not program.exists():
            raise OperationError(f"{program.relative_to(paths.ROOT)} is missing; run `make install`")
    _free("127.0.0.1", aws.aws_port(), "the local AWS", "RICHESREACH_AWS_PORT")
    _free("127.0.0.1", aws.edge_port(), "the edge", "RICHESREACH_EDGE_PORT")
    _free(models.ADDRESS, models.PORT, "the mock of the model providers", None)
    for address in PROBED:
        for port in _ports(environment):
            _free(address, port, "the platform's servers", None)


def _ports(environment: Environment) -> tuple[int, ...]:
    ports = (environment.database.port, environment.cache.port, environment.load_balancer.port)
    return (*ports, environment.streaming.port) if environment.streaming else ports


def _free(address: str, port: int, owner: str, variable: str | None) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            holder = _holder(address, port)
            mend = f"end it, or set {variable} to a free port" if variable else "end what uses it"
            by = f" by {holder}" if holder else ""
            raise OperationError(
                f"{address}:{port}, which {owner} needs, is taken{by} ({error.strerror}); {mend}"
            ) from None


def _holder(address: str, port: int) -> str:
    """Name and pid of the process that listens there, as far as this user may see."""
    inodes = _listening(address, port)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            links = {str(link.readlink()) for link in (folder / "fd").iterdir()}
            if any(f"socket:[{inode}]" in links for inode in inodes):
                return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
        except OSError:
            continue
    return ""


def _listening(address: str, port: int) -> set[str]:
    """Inodes of the sockets that listen there or on every address (state 0A in /proc/net/tcp and tcp6)."""
    own = socket.inet_aton(address)[::-1].hex().upper()
    places = {f"{host}:{port:04X}" for host in (own, "0" * 8, "0" * 32, f"{'0' * 16}FFFF0000{own}")}
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and fields[1] in places:
                inodes.add(fields[9])
    return inodes
