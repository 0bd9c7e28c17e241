"""`python app.py` ends with status 2 and one line where its input is wrong, never with a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from stacks.yaml_file import ROOT
from tests.stacks.assembly import run_app
from tests.stacks.environments import document, put

ENVIRONMENT = "environments/prod.yaml"
MANIFEST = "services/richesreach/gateway/service.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What app.py reads before it starts Node, to be made wrong."""
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (ENVIRONMENT, MANIFEST):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def refusal(repository: Path, variables: dict[str, str]) -> str:
    """The one line that app.py printed when it refused."""
    done = run_app(repository, variables)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr.removeprefix("error: ").rstrip("\n")


def test_unknown_environment_is_refused(repository: Path) -> None:
    said = refusal(repository, {"RICHESREACH_ENV": "prdo"})
    assert said == "environments/prdo.yaml: there is no environment 'prdo'; choose one of prod"


def test_environment_may_come_from_the_cdk_cli(repository: Path) -> None:
    said = refusal(repository, {"CDK_CONTEXT_JSON": '{"env": "nowhere"}'})
    assert "there is no environment 'nowhere'" in said


def test_variable_wins_over_the_cdk_cli(repository: Path) -> None:
    said = refusal(repository, {"RICHESREACH_ENV": "here", "CDK_CONTEXT_JSON": '{"env": "nowhere"}'})
    assert "there is no environment 'here'" in said


def test_context_that_is_no_json_is_refused(repository: Path) -> None:
    assert "CDK_CONTEXT_JSON" in refusal(repository, {"CDK_CONTEXT_JSON": "env=prod"})


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (ENVIRONMENT, "name: [prod", "environments/prod.yaml: invalid YAML at line 1"),
        (ENVIRONMENT, "name: prod\nname: prod\n", "the key 'name' is given twice; correct the YAML there"),
        (
            ENVIRONMENT,
            yaml.safe_dump(put(document(), "regions.eu-west-1.cidr", "10.10.0.0/16"), sort_keys=False),
            "environments/prod.yaml: regions.eu-west-1.cidr: 10.10.0.0/16 overlaps 10.10.0.0/16 of us-east-1",
        ),
        (
            ENVIRONMENT,
            yaml.safe_dump(document() | {"writer_region": "eu-north-1"}),
            "environments/prod.yaml: writer_region: eu-north-1 is not among the promotable regions",
        ),
        (MANIFEST, "name: gateway\nport: x\n", f"{MANIFEST}: "),
        (MANIFEST, "name: [", f"{MANIFEST}: invalid YAML at line"),
    ],
    ids=["broken YAML", "duplicate key", "overlap", "writer", "manifest without keys", "broken manifest"],
)
def test_wrong_file_is_refused_in_one_line(file: str, text: str, said: str, repository: Path) -> None:
    (repository / file).write_text(text, encoding="utf-8")
    assert said in refusal(repository, {"RICHESREACH_ENV": "prod"})


def test_account_that_is_none_is_refused(repository: Path) -> None:
    said = refusal(repository, {"RICHESREACH_ENV": "prod", "CDK_DEFAULT_ACCOUNT": "123"})
    assert said == "CDK_DEFAULT_ACCOUNT: '123' is no account id; set twelve digits, or unset it"
