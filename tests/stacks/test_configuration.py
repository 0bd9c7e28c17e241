"""A wrong environment file is one error that names the file, the key and the mend."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from stacks.environment import PLACEHOLDER_ACCOUNT, account, load_environment
from stacks.errors import ConfigurationError
from tests.stacks.environments import document, put, read, region, twelve_regions
from tests.stacks.wrong_environments import WRONG


def error_of(folder: Path, contents: dict[str, object]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, contents)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("case", WRONG)
def test_wrong_file_is_refused_with_file_key_and_mend(case: str, tmp_path: Path) -> None:
    path, value, key, problem, mend = WRONG[case]
    error = error_of(tmp_path, put(document(), path, value))
    assert (error.file, error.key) == (str(tmp_path / "prod.yaml"), key)
    assert problem in error.problem
    assert mend in error.mend
    assert str(error) == f"{error.file}: {error.key}: {error.problem}; {error.mend}"


def test_writer_region_must_be_promotable(tmp_path: Path) -> None:
    contents = document() | {
        "promotable_regions": ["us-east-1", "eu-west-1"],
        "writer_region": "ap-southeast-1",
    }
    error = error_of(tmp_path, contents)
    assert error.key == "writer_region"
    assert error.problem.startswith("ap-southeast-1 is not among the promotable regions")
    assert error.mend == "choose one of us-east-1, eu-west-1"


def test_lock_for_compliance_is_refused_where_the_environment_is_to_be_destroyed(tmp_path: Path) -> None:
    locked = put(document(), "lake.object_lock", {"mode": "compliance", "days": 400})
    assert read(tmp_path, locked).lake.object_lock is not None
    error = error_of(tmp_path, put(locked, "protect", False))
    assert error.key == "lake.object_lock.mode"
    assert error.mend == "use governance, or set protect: true"


def test_more_data_regions_than_aurora_takes_are_refused(tmp_path: Path) -> None:
    contents = twelve_regions()
    error = error_of(tmp_path, contents | {"data_regions": list(contents["regions"])})
    assert (error.key, error.problem) == ("data_regions", "has 12 regions")
    assert error.mend == "an Aurora Global Database takes at most 11"


def test_more_datastore_regions_than_elasticache_takes_are_refused(tmp_path: Path) -> None:
    contents = twelve_regions()
    error = error_of(tmp_path, contents | {"datastore_regions": list(contents["regions"])[:4]})
    assert (error.key, error.problem) == ("datastore_regions", "has 4 regions")
    assert error.mend == "a Global Datastore takes at most 3"


def test_more_than_twelve_regions_are_refused(tmp_path: Path) -> None:
    contents = twelve_regions()
    regions = contents["regions"] | {"us-west-2": region(99, "us-west-2")}
    assert error_of(tmp_path, contents | {"regions": regions}).key == "regions"


def test_unknown_environment_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_environment("produciton")
    assert caught.value.file == "environments/produciton.yaml"
    assert caught.value.mend == "choose one of dev, local, prod, staging"


def test_path_is_no_name_of_an_environment() -> None:
    with pytest.raises(ConfigurationError, match="there is no environment"):
        load_environment("../environments/prod")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: prod\nname: prod\n", "invalid YAML at line 2, column 1: the key 'name' is given twice"),
        ("regions:\n  us-east-1: {}\n  us-east-1: {}\n", "invalid YAML at line 3, column 3"),
        ("name: prod\ntags: [a\ndomain: x\n", "invalid YAML at line 3"),
        ("? [a, b]\n: 1\n", "invalid YAML at line 1"),
        ("name: \x07\n", "invalid YAML"),
        ("- prod\n", "holds no mapping"),
        ("", "holds no mapping"),
    ],
    ids=[
        "duplicate key",
        "nested duplicate key",
        "open list",
        "list as key",
        "control character",
        "list",
        "empty",
    ],
)
def test_invalid_yaml_is_refused_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_environment("prod", tmp_path)
    assert caught.value.problem.startswith(problem)
    assert "\n" not in str(caught.value)


def test_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_bytes(b"name: prod\ndomain: \xff\xfe\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_environment("prod", tmp_path)


def test_yaml_anchors_may_be_merged(tmp_path: Path) -> None:
    text = "a: &zones {x: 1}\nb: {<<: *zones, y: 2}\n"
    (tmp_path / "prod.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_environment("prod", tmp_path)
    assert caught.value.problem == "unknown key"  # read as YAML, and refused as configuration


@pytest.mark.parametrize("name", ["dev", "local", "prod", "staging"])
def test_committed_environments_are_valid(name: str) -> None:
    assert load_environment(name).name == name


def test_address_spaces_of_no_two_environments_in_an_account_overlap() -> None:
    """They may be peered one day; local is in no account."""
    committed = [load_environment(name) for name in ("dev", "staging", "prod")]
    networks = [ipaddress.IPv4Network(r.cidr) for each in committed for r in each.regions.values()]
    assert not [(a, b) for index, a in enumerate(networks) for b in networks[:index] if a.overlaps(b)]


def test_environment_cannot_be_changed_after_it_is_read() -> None:
    environment = load_environment("prod")
    with pytest.raises(ValueError, match="frozen"):
        environment.writer_region = "eu-west-1"


def test_compute_region_without_data_reads_from_the_nearest_data_region(tmp_path: Path) -> None:
    environment = read(tmp_path, twelve_regions())
    outside = next(code for code in environment.regions if code not in environment.data_regions)
    assert outside == "ap-southeast-3"
    assert environment.nearest_data_region(outside) == "ap-southeast-1"


def test_account_is_the_placeholder_where_none_is_set() -> None:
    assert account({}) == account({"CDK_DEFAULT_ACCOUNT": ""}) == PLACEHOLDER_ACCOUNT


def test_account_that_is_not_twelve_digits_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="set twelve digits, or unset it"):
        account({"CDK_DEFAULT_ACCOUNT": "12345"})
