"""What holds for all manifests together: one default, and no path that two of them answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.edge_paths import overlap
from stacks.errors import ConfigurationError
from stacks.yaml_file import relative

if TYPE_CHECKING:
    from stacks.manifest import Manifest


def check_paths(manifests: Mapping[Path, Manifest]) -> None:
    """Rules of different services match different paths, so that their order does not matter."""
    taken: list[tuple[str, str]] = []
    for file, manifest in manifests.items():
        for path in manifest.paths:
            for other, owner in taken:
                if owner == manifest.name or not _overlap(path, other):
                    continue
                what = "already belongs" if path == other else f"overlaps {other}, which belongs"
                raise ConfigurationError(
                    relative(file), "paths", f"{path} {what} to {owner}", "give it to one service"
                )
            taken.append((path, manifest.name))
    priorities: dict[int, str] = {}
    for file, manifest in manifests.items():
        if manifest.priority in priorities:
            raise ConfigurationError(
                relative(file),
                "name",
                f"{manifest.name} and {priorities[manifest.priority]} get the same rule priority",
                "rename one of them",
            )
        priorities[manifest.priority] = manifest.name


def _overlap(one: str, other: str) -> bool:
    """Whether some path matches both patterns; only their ends are open."""
    stems = sorted(((p.removesuffix("*"), p.endswith("*")) for p in (one, other)), key=lambda p: len(p[0]))
    (short, is_open), (long, _) = stems
    return long.startswith(short) and (is_open or long == short)


def check_edge_paths(manifests: Mapping[Path, Manifest]) -> None:
    """At the edge the first behaviour that fits a path decides, so none may fit what another one serves."""
    owners: dict[str, str] = {}
    for file, manifest in manifests.items():
        entries = [(key, entry.path) for key in ("cached", "protected") for entry in getattr(manifest, key)]
        for key, path in [*entries, *(("streams", path) for path in manifest.streams)]:
            for taken, owner in owners.items():
                if overlap(path, taken):
                    raise ConfigurationError(
                        relative(file),
                        key,
                        f"{path} overlaps {taken} of {owner}",
                        "let one behaviour of the edge serve a path",
                    )
            owners[path] = f"{manifest.name}.{key}"


def check_default(manifests: Mapping[Path, Manifest], directory: Path) -> None:
    """Each region's load balancer forwards what no rule names to one service, which must be there."""
    defaults = [file for file, manifest in manifests.items() if manifest.default]
    if len(defaults) != 1:
        names = ", ".join(manifests[file].name for file in defaults)
        raise ConfigurationError(
            relative(directory),
            "default",
            f"{len(defaults)} services ({names or 'none'}) take the paths that nobody owns",
            "set `default: true` in exactly one manifest",
        )
    if manifests[defaults[0]].placement != "every-region":
        raise ConfigurationError(
            relative(defaults[0]),
            "placement",
            "the default service is missing in the other regions, whose paths it takes",
            "place it in every region, or make another service the default",
        )
