"""What is in an image: its configuration, its libraries and packages, and what must not be there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ops.images.engine import Engine

#: Programs and modules with which something could be built or installed where the image runs.
TOOLS = ("pip", "pip3", "uv", "gcc", "cc", "g++", "make", "ld", "git", "curl", "wget")
MODULES = ("pip", "setuptools", "wheel", "ensurepip")

LABELS = tuple(
    f"org.opencontainers.image.{name}" for name in ("title", "description", "revision", "base.name")
)

#: Runs in the container, with its own Python: what that one finds is what the service could import.
PROBE = """
import importlib.metadata, importlib.util, json, os, shutil, sys

tools, modules = json.loads(sys.argv[1])
libraries = []
for each in importlib.metadata.distributions():
    about = each.metadata
    classifiers = [c for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    libraries.append({
        "name": about["Name"],
        "version": each.version,
        "expression": about.get("License-Expression"),
        "licenses": [c.split("::")[-1].strip() for c in classifiers],
    })
hooks = []
for folder, names, files in os.walk("/"):
    names[:] = [n for n in names if os.path.join(folder, n) not in ("/proc", "/sys", "/dev")]
    hooks += [os.path.join(folder, f) for f in files if f.endswith(".pth")]
print(json.dumps({
    "libraries": libraries,
    "hooks": sorted(hooks),
    "tools": [t for t in tools if shutil.which(t)] + [m for m in modules if importlib.util.find_spec(m)],
    "user": os.getuid(),
    "groups": sorted({os.getgid(), *os.getgroups()}),
}))
"""

PACKAGE_FORMAT = r"${Package}\t${Version}\t${Architecture}\t${source:Package}\n"


@dataclass(frozen=True)
class Library:
    """An installed Python distribution; ``expression`` is its licence in SPDX, ``licenses`` names of it."""

    name: str
    version: str
    expression: str | None
    licenses: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A package of Debian; ``source`` is what security notices call it."""

    name: str
    version: str
    architecture: str
    source: str


@dataclass(frozen=True)
class Contents:
    """``release`` is Debian's version, ``configuration`` what the engine says. Size in bytes."""

    digest: str
    size: int
    configuration: dict[str, Any]
    release: str
    libraries: tuple[Library, ...]
    packages: tuple[Package, ...]
    hooks: tuple[str, ...]
    tools: tuple[str, ...]
    user: int
    groups: tuple[int, ...]


def read(engine: Engine, image: str) -> Contents:
    """Asks the engine, and the image's own Python and dpkg."""
    about = json.loads(engine.run("image", "inspect", image))[0]

    def ask(*command: str) -> str:
        return engine.run("run", "--rm", "--network", "none", "--read-only", image, *command)

    found = json.loads(ask("python", "-c", PROBE, json.dumps([TOOLS, MODULES])))
    return Contents(
        digest=about["Id"],
        size=about["Size"],
        configuration=about["Config"],
        release=ask("cat", "/etc/debian_version").strip(),
        libraries=tuple(
            Library(each["name"], each["version"], each["expression"], tuple(each["licenses"]))
            for each in sorted(found["libraries"], key=lambda library: str(library["name"]).lower())
        ),
        packages=tuple(packages(ask("dpkg-query", "--show", f"--showformat={PACKAGE_FORMAT}"))),
        hooks=tuple(found["hooks"]),
        tools=tuple(found["tools"]),
        user=found["user"],
        groups=tuple(found["groups"]),
    )


def packages(listed: str) -> Iterator[Package]:
    """What ``dpkg-query`` prints in PACKAGE_FORMAT."""
    for line in listed.splitlines():
        yield Package(*line.split("\t"))


def faults(contents: Contents, mounts: Sequence[str]) -> list[str]:
    """What is wrong with an image that is to run with volumes at ``mounts``; each names its mend."""
    configuration = contents.configuration
    wrong = [
        f"{path} runs code at every start of Python; find out which library brings it"
        for path in contents.hooks
    ]
    if contents.tools:
        wrong.append(f"{', '.join(contents.tools)} can build or install; remove it from the last stage")
    if contents.user == 0 or 0 in contents.groups:
        wrong.append("its user is root, or of root's group; give USER a number and a group of its own")
    if not str(configuration.get("User", "")).partition(":")[0].isdigit():
        wrong.append("USER is a name; ECS can tell that it is not root by a number alone")
    for path in mounts:
        if path not in (configuration.get("Volumes") or {}):
            wrong.append(f"no VOLUME {path}: on Fargate the task's volume there would be root's alone")
    if (configuration.get("Healthcheck") or {}).get("Test", ["NONE"]) != ["NONE"]:
        wrong.append("it has a HEALTHCHECK; the target group's decides")
    if configuration.get("StopSignal", "SIGTERM") != "SIGTERM":
        wrong.append("STOPSIGNAL is not SIGTERM, which the service drains on")
    labels = configuration.get("Labels") or {}
    wrong += [f"the label {label} is missing" for label in LABELS if not labels.get(label)]
    return wrong
