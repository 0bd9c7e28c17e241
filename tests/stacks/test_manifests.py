"""A wrong service.yaml is one error that names the file, the key and the mend."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from stacks.errors import ConfigurationError
from stacks.manifest import FARGATE_SIZES, SERVICES, Manifest, load_manifests
from tests.stacks.environments import Document, put

GATEWAY: Document = yaml.safe_load((SERVICES / "gateway" / "service.yaml").read_text(encoding="utf-8"))
MARKET: Document = (
    GATEWAY
    | {"name": "market-data", "paths": ["/market/*"], "default": False, "tasks": []}
    | {"cached": [], "protected": [], "streams": []}
)


def load(folder: Path, *manifests: Document) -> tuple[Manifest, ...]:
    """Writes each manifest into the folder that its name asks for, and reads them all."""
    for manifest in manifests:
        service = folder / str(manifest["name"]).replace("-", "_")
        service.mkdir()
        (service / "service.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return load_manifests(folder)


def error_of(folder: Path, *manifests: Document) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, *manifests)
    assert "\n" not in str(caught.value)
    return caught.value


def test_committed_manifests_are_valid() -> None:
    names = [manifest.name for manifest in load_manifests()]
    assert names == ["ai-router", "features", "gateway", "history", "market-data", "stream"]


def test_service_is_one_more_folder(tmp_path: Path) -> None:
    assert [manifest.name for manifest in load(tmp_path, GATEWAY, MARKET)] == ["gateway", "market-data"]


CALLS: dict[str, tuple[Document, Document, str, str]] = {
    "nobody": ({"calls": ["trading"]}, {}, "trading is no service", "market-data"),
    "itself": ({"calls": ["gateway"]}, {}, "gateway is the service itself", "market-data"),
    "back": ({"calls": ["market-data"]}, {"calls": ["gateway"]}, "goes in a circle", "by an event"),
    "what other regions lack": (
        {"calls": ["market-data"]},
        {"placement": "writer-region"},
        "market-data runs in the writer region alone",
        "by an event",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_service_calls_none_that_it_could_not_find(case: str, tmp_path: Path) -> None:
    gateway, market, problem, mend = CALLS[case]
    error = error_of(tmp_path, GATEWAY | gateway, MARKET | market)
    assert (error.key, problem in error.problem, mend in error.mend) == ("calls", True, True), str(error)


WRONG: dict[str, tuple[str, object, str, str, str]] = {
    "unknown field": ("replicas", 3, "replicas", "unknown key", "known keys are"),
    "misspelt field": ("helth", {}, "helth", "unknown key", "did you mean 'health'?"),
    "misspelt field of a section": ("health.intervall", 5, "health.intervall", "unknown key", "'interval'"),
    "missing objective": ("slo", ..., "slo", "missing", "add the key"),
    "memory that Fargate refuses": ("memory", 8192, "", "8192 MiB does not go with cpu 512", "1024, 2048"),
    "cpu that Fargate refuses": ("cpu", 300, "", "cpu 300 is no Fargate size", "256, 512"),
    "timeout not below interval": ("health.timeout", 10, "health", "timeout 10 s is not below", "lower it"),
    "unknown need": ("needs", ["databse"], "needs.0", "unknown need 'databse'", "database, cache"),
    "path without a slash": ("paths", ["market/*"], "paths.0", "is no path pattern", "/market/*"),
    "prose of nobody": ("prose", ["/v1/*"], "", "prose names /v1/*", "add it to paths"),
    "path named twice": ("paths", ["/a", "/a"], "", "names a path twice", "remove the repetition"),
    "counts out of order": (
        "min",
        5,
        "",
        "min 5, desired 3, max 10 are out of order",
        "min <= desired <= max",
    ),
    "negative count": ("min", -1, "min", "greater than or equal to 0", "-1"),
    "name of no folder": ("name", "Gateway", "name", "should match pattern", "Gateway"),
    "privileged port": ("port", 80, "port", "greater than or equal to 1024", "80"),
    "empty command": ("command", [], "command", "at least 1 item", "[]"),
    "availability of everything": ("slo.availability", 100, "slo.availability", "less than 100", "100"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_manifest_is_refused_with_file_key_and_mend(case: str, tmp_path: Path) -> None:
    path, value, key, problem, mend = WRONG[case]
    error = error_of(tmp_path, put(GATEWAY, path, value))
    assert error.file.endswith("service.yaml")
    assert (error.key, problem in error.problem, mend in error.mend) == (key, True, True), str(error)


def test_name_is_the_folders(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "service.yaml").write_text(yaml.safe_dump(GATEWAY), encoding="utf-8")
    error = error_of(tmp_path)
    assert (error.key, error.mend) == ("name", "must be 'orders', as the folder is called")


def test_path_belongs_to_one_service(tmp_path: Path) -> None:
    error = error_of(tmp_path, GATEWAY, MARKET | {"paths": ["/market/*", "/graphql"]})
    assert error.file == str(tmp_path / "market_data" / "service.yaml")
    assert (error.key, error.problem) == ("paths", "/graphql already belongs to gateway")
    assert error.mend == "give it to one service"


@pytest.mark.parametrize(
    ("defaults", "named"), [((True, True), "2 services (gateway, market-data)"), ((False, False), "(none)")]
)
def test_exactly_one_service_is_the_default(defaults: tuple[bool, bool], named: str, tmp_path: Path) -> None:
    gateway, market = defaults
    error = error_of(tmp_path, GATEWAY | {"default": gateway}, MARKET | {"default": market})
    assert error.key == "default"
    assert named in error.problem
    assert error.mend == "set `default: true` in exactly one manifest"


def test_default_service_is_placed_in_every_region(tmp_path: Path) -> None:
    error = error_of(tmp_path, GATEWAY | {"placement": "writer-region"})
    assert error.key == "placement"
    assert error.mend == "place it in every region, or make another service the default"


@pytest.mark.parametrize(
    ("cpu", "smallest", "largest", "count"),
    # Task sizes of Fargate as the ECS developer guide lists them.
    [
        (256, 512, 2048, 3),
        (512, 1024, 4096, 4),
        (1024, 2048, 8192, 7),
        (2048, 4096, 16384, 13),
        (4096, 8192, 30720, 23),
        (8192, 16384, 61440, 12),
        (16384, 32768, 122880, 12),
    ],
)
def test_memory_sizes_are_fargates(cpu: int, smallest: int, largest: int, count: int) -> None:
    sizes = FARGATE_SIZES[cpu]
    assert (sizes[0], sizes[-1], len(sizes)) == (smallest, largest, count)


def test_quarter_cpu_does_not_take_one_and_a_half_gibibytes(tmp_path: Path) -> None:
    assert "1536 MiB" in error_of(tmp_path, GATEWAY | {"cpu": 256, "memory": 1536}).problem


def test_counts_default_to_the_platforms(tmp_path: Path) -> None:
    bare = copy.deepcopy(GATEWAY)
    for key in ("min", "desired", "max"):
        del bare[key]
    (manifest,) = load(tmp_path, bare)
    assert (manifest.min, manifest.desired, manifest.max) == (2, 3, 10)
