"""Objects of a subject in the lake: whatever lies in a folder ``subject=<id>/`` below a configured prefix.

The bucket is versioned: a plain deletion would only hide the objects, so every version and every delete
marker is deleted by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


class LakeRefusedError(Exception):
    """S3 kept an object, for instance because it is locked."""


@dataclass(frozen=True)
class Bucket:
    """A bucket and the client that reaches it."""

    s3: Any
    name: str

    def versions(self, prefix: str) -> Iterator[list[dict[str, str]]]:
        """Pages of ``{"Key", "VersionId"}``, delete markers included; at most 1000 each."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]

    def delete(self, versions: list[dict[str, str]]) -> None:
        """Deletes them for good.

        Raises:
            LakeRefusedError: names the first one that S3 kept, without the subject's id.
        """
        answer = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": versions, "Quiet": True})
        errors = answer.get("Errors", [])
        if errors:
            raise LakeRefusedError(
                f"{self.name} kept {len(errors)} of {len(versions)} versions:"
                f" {errors[0].get('Code')}: {errors[0].get('Message')}"
            )


def erase(
    bucket: Bucket,
    prefixes: Sequence[str],
    subject: str,
    *,
    dry_run: bool,
    so_far: dict[str, Any],
    in_time: Callable[[], bool],
) -> dict[str, Any]:
    """Counts by prefix. What is deleted is not listed again, so that a later run simply goes on."""
    erased: dict[str, int] = {} if dry_run else dict(so_far.get("erased", {}))
    for prefix in prefixes:
        erased.setdefault(prefix, 0)
        for versions in bucket.versions(f"{prefix}subject={subject}/"):
            if not versions:
                continue
            if not dry_run:
                if not in_time():
                    return {"done": False, "erased": erased}
                bucket.delete(versions)
            erased[prefix] += len(versions)
    return {"done": True, "erased": erased}
