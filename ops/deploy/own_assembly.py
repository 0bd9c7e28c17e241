"""A copy of the cloud assembly for one CDK process: processes side by side must not share a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from ops.deploy.graph import reads_weakly
from ops.errors import OperationError

#: Key of a resource's metadata that makes CloudFormation update a stack whose template did not change.
STAMP = "richesreach:refreshed"


def copy(assembly: Path, folder: Path) -> Path:
    """The copy; files are linked, not read: nothing in them is written again.

    Raises:
        OperationError: the folder cannot be made.
    """
    try:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(
            assembly, folder, copy_function=os.link, ignore=shutil.ignore_patterns(".cache", "*.lock")
        )
    except OSError:
        # Another file system takes no links.
        try:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(assembly, folder, ignore=shutil.ignore_patterns(".cache", "*.lock"))
        except OSError as error:
            raise OperationError(f"{folder} cannot be written: {error}") from None
    return folder


def stamp(folder: Path, stack: str, run: str) -> None:
    """Makes CloudFormation update a stack whose template did not change.

    An output is resolved when a stack is updated, and a stack is updated when its template differs. A
    resource's metadata is part of the template and of no property: each resource that reads an output gets
    the run's id there, is taken into the update, and what it reads is resolved anew.
    """
    manifest = folder / "manifest.json"
    artifact = json.loads(manifest.read_text(encoding="utf-8"))["artifacts"][stack]
    template = folder / artifact["properties"]["templateFile"]
    body = json.loads(template.read_text(encoding="utf-8"))
    for resource in body["Resources"].values():
        if reads_weakly(resource):
            resource.setdefault("Metadata", {})[STAMP] = run
    written = json.dumps(body, indent=1)
    _replace(template, written)
    # The template is uploaded under its hash, and what is there under a hash is not uploaded again.
    url = str(artifact["properties"].get("stackTemplateAssetObjectUrl", ""))
    before = url.rpartition("/")[2].removesuffix(".json")
    if before:
        after = hashlib.sha256(written.encode()).hexdigest()
        for file in (manifest, folder / f"{stack}.assets.json"):
            _replace(file, file.read_text(encoding="utf-8").replace(before, after))


def _replace(file: Path, text: str) -> None:
    """A new file in its place: the old one is a link to the assembly's."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
