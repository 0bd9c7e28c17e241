"""The certificates of RDS: the bundle of AWS as the Dockerfile pins it, or a stand-in that says so."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OperationError
from ops.images.dockerfile import argument
from ops.images.engine import Engine
from ops.images.places import DOCKERFILE, IMAGES

#: Seconds.
TIMEOUT = 20

#: In the base: the public roots that Debian ships.
PUBLIC_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Bundle:
    """A PEM file and its checksum; ``genuine`` says that it is the one that the Dockerfile pins."""

    path: Path
    sha256: str
    genuine: bool


def bundle(engine: Engine, base: str, folder: Path = IMAGES, dockerfile: Path = DOCKERFILE) -> Bundle:
    """The pinned bundle, fetched once. Where AWS is not reached, the base's public roots stand in for it.

    Raises:
        OperationError: what AWS serves has another checksum.
    """
    url, pinned = argument("RDS_CA_BUNDLE", dockerfile), argument("RDS_CA_SHA256", dockerfile)
    path = folder / "rds-global-bundle.pem"
    if path.exists() and checksum(path.read_bytes()) == pinned:
        return Bundle(path, pinned, genuine=True)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  (the URL is the Dockerfile's)
            content: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        roots = engine.run("run", "--rm", "--network", "none", base, "cat", PUBLIC_ROOTS).encode()
        stand_in = folder / "stand-in.pem"
        stand_in.write_bytes(roots)
        return Bundle(stand_in, checksum(roots), genuine=False)
    if checksum(content) != pinned:
        raise OperationError(
            f"{url} has the checksum {checksum(content)}, not the pinned one: AWS has changed the bundle, or"
            " somebody else has; compare as docs/services.md says, then set RDS_CA_SHA256"
        )
    path.write_bytes(content)
    return Bundle(path, pinned, genuine=True)


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
