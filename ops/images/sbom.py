"""The bill of materials of an image: CycloneDX 1.6, JSON, Python libraries and Debian packages together.

Package URLs are those of the purl specification (types ``pypi`` and ``deb``). The same image gives the same
bytes.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops.errors import OperationError
from ops.images.contents import Contents, Library, Package
from ops.images.places import IMAGES, TOOLS_PYTHON
from ops.local.paths import ROOT

SPECIFICATION = "1.6"

#: Strict: a property that the schema does not know is an error too.
VALIDATE = f"""
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.from_version("{SPECIFICATION}")).validate_str(sys.stdin.read())
sys.exit(str(error).splitlines()[0] if error else 0)
"""


def path(service: str) -> Path:
    return IMAGES / f"{service}.cdx.json"


def compose(service: str, contents: Contents) -> dict[str, Any]:
    """The bill of one image, whose version is its digest."""
    parts = [_debian(contents.release), *map(_library, contents.libraries)]
    parts += [_package(each, contents.release) for each in contents.packages]
    image = {
        "type": "container",
        "bom-ref": f"image:{service}",
        "name": f"richesreach/{service}",
        "version": contents.digest,
    }
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, contents.digest).urn,
        "version": 1,
        "metadata": {"component": image},
        "components": parts,
        "dependencies": [{"ref": image["bom-ref"], "dependsOn": sorted(part["bom-ref"] for part in parts)}],
    }


def write(place: Path, bill: dict[str, Any]) -> None:
    """Writes it once the schema admits it.

    Raises:
        OperationError: it does not fit the schema.
    """
    text = json.dumps(bill, indent=1) + "\n"
    done = subprocess.run(
        [str(TOOLS_PYTHON), "-c", VALIDATE],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise OperationError(f"{place.name} is no CycloneDX {SPECIFICATION}: {lines[-1]}")
    place.write_text(text)


def _library(library: Library) -> dict[str, Any]:
    name = library.name.lower().replace("_", "-")
    url = f"pkg:pypi/{quote(name)}@{quote(library.version)}"
    part: dict[str, Any] = {
        "type": "library",
        "bom-ref": url,
        "name": library.name,
        "version": library.version,
        "purl": url,
    }
    if library.expression:
        part["licenses"] = [{"expression": library.expression}]
    elif library.licenses:
        part["licenses"] = [{"license": {"name": name}} for name in dict.fromkeys(library.licenses)]
    return part


def _package(package: Package, release: str) -> dict[str, Any]:
    source = package.source.partition(" ")[0]
    qualifiers = f"arch={package.architecture}&distro=debian-{quote(release)}"
    if source != package.name:
        qualifiers += f"&upstream={quote(source)}"
    url = f"pkg:deb/debian/{quote(package.name)}@{quote(package.version)}?{qualifiers}"
    return {
        "type": "library",
        "bom-ref": url,
        "name": package.name,
        "version": package.version,
        "purl": url,
    }


def _debian(release: str) -> dict[str, Any]:
    return {
        "type": "operating-system",
        "bom-ref": f"debian@{release}",
        "name": "debian",
        "version": release,
    }
