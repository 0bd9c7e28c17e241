"""What the build alone may know of this machine: its certificates and where pip finds packages.

They are put into the image that libraries are installed in, of which only the installed files go on.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ops.images.engine import Engine
from ops.images.places import IMAGES

NAME = "richesreach/build"

#: Settings of pip that say where packages come from; any other is this machine's own affair.
SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy")

#: Where the certificates that this machine trusts are named, in the order in which pip heeds them.
CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

DOCKERFILE = """ARG BASE
FROM ${BASE}
COPY pip.conf certificates.pem /build-host/
ENV PIP_CONFIG_FILE=/build-host/pip.conf
"""


def build(engine: Engine, base: str) -> str:
    """The image that libraries are installed in: ``base`` with this machine's way to a package index."""
    folder = IMAGES / "installer"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(certificates(os.environ), folder / "certificates.pem")
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    (folder / "pip.conf").write_text(configuration(listed.stdout))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    engine.run("build", "--quiet", "--build-arg", f"BASE={base}", "--tag", NAME, str(folder), timeout=300)
    return NAME


def certificates(environment: Mapping[str, str]) -> Path:
    """The bundle that this machine trusts; an empty file where it names none."""
    named = [Path(environment[name]) for name in CERTIFICATES if environment.get(name)]
    return next((path for path in [*named, SYSTEM_CERTIFICATES] if path.is_file()), Path(os.devnull))


def configuration(listed: str) -> str:
    """pip.conf of what ``pip config list`` prints: lines such as ``global.index-url='https://…'``."""
    parser = configparser.RawConfigParser()
    parser["global"] = {"cert": "/build-host/certificates.pem"}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in SETTINGS:
            parser["global"][name] = str(ast.literal_eval(value)).strip()
    lines = [f"{name} = {value}" for name, value in parser["global"].items()]
    return "\n".join(["[global]", *lines, ""])
