"""The workflows hold no key, can write nothing but what is listed here, and call only what exists."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ops.cli import app
from stacks.delivery.stack import DEPLOY_HOURS, QUALIFIER
from stacks.environment import ENVIRONMENTS
from stacks.naming import Names
from stacks.yaml_file import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
FILES = [*WORKFLOWS, *ACTIONS]

#: Every permission beyond reading, by workflow and job. ``id-token`` writes nothing: it names the job to AWS.
WRITING = {
    ("pull-request.yml", "comment"): {"pull-requests"},
    ("drift.yml", "issue"): {"issues"},
    ("drift.yml", "scan"): {"id-token"},
    ("deploy.yml", "staging"): {"id-token"},
    ("deploy.yml", "prod"): {"id-token"},
    ("deploy-environment.yml", "plan"): {"id-token"},
    ("deploy-environment.yml", "deploy"): {"id-token"},
    ("deploy-environment.yml", "smoke"): {"id-token"},
}

PINNED = re.compile(r"uses: (?P<action>[\w.-]+/[\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GITHUB).as_posix())


def document(path: Path) -> dict[str, Any]:
    # BaseLoader: YAML 1.1 would read the key `on` as true.
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    return loaded


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    whole = document(path)
    for holder in whole.get("jobs", {"": whole.get("runs", {})}).values():
        yield from holder.get("steps", ())


def commands() -> Iterator[tuple[str, list[str]]]:
    """File and words of each call of make or of the command line."""
    for path in FILES:
        for step in steps(path):
            for line in step.get("run", "").splitlines():
                for call in re.findall(r"(?:^|\s)(make .*|\.venv/bin/richesreach .*)$", line):
                    yield path.name, shlex.split(call.split("||")[0], posix=True)


@every_file
def test_each_action_is_named_by_commit_with_its_version(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "uses:" in line and "uses: ./" not in line:
            assert PINNED.search(line), line


def test_one_action_has_one_version() -> None:
    found: dict[str, set[str]] = {}
    for path in FILES:
        for step in steps(path):
            action, _, commit = step.get("uses", "").partition("@")
            found.setdefault(action, set()).add(commit)
    assert {action: commits for action, commits in found.items() if len(commits) > 1} == {}


@every_file
def test_actions_and_workflows_of_the_repository_exist(path: Path) -> None:
    for used in re.findall(r"uses: \./(\S+)", path.read_text(encoding="utf-8")):
        target = ROOT / used
        assert target.is_file() or (target / "action.yml").is_file(), used


@every_workflow
def test_workflow_may_do_nothing_that_a_job_does_not_ask_for(path: Path) -> None:
    assert document(path)["permissions"] == {}
    assert all("permissions" in job for job in jobs(path).values())


def test_no_job_may_write_beyond_what_is_listed() -> None:
    writing = {
        (path.name, name): {scope for scope, access in job["permissions"].items() if access != "read"}
        for path in WORKFLOWS
        for name, job in jobs(path).items()
    }
    assert {job: scopes for job, scopes in writing.items() if scopes} == WRITING


def test_job_that_writes_runs_none_of_the_changes_own_code() -> None:
    for (name, job), scopes in WRITING.items():
        if scopes == {"id-token"}:
            continue
        used = [step.get("uses", "") for step in jobs(GITHUB / "workflows" / name)[job]["steps"]]
        assert [action.partition("@")[0] for action in used if action] == ["actions/download-artifact"]


def test_job_that_takes_a_role_is_in_an_environment() -> None:
    for (name, job), scopes in WRITING.items():
        called = jobs(GITHUB / "workflows" / name)[job]
        if scopes == {"id-token"} and "uses" not in called:
            assert called["environment"]


def test_nobodys_pull_request_reaches_a_role() -> None:
    for path in WORKFLOWS:
        triggers = document(path)["on"]
        if {"pull_request", "pull_request_target"} & set(triggers):
            assert "pull_request_target" not in triggers
            assert not any("id-token" in job["permissions"] for job in jobs(path).values())


@every_file
def test_nothing_of_an_event_becomes_part_of_a_script(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@every_file
def test_checkout_leaves_no_token_behind(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@every_workflow
def test_each_job_ends(path: Path) -> None:
    for job in jobs(path).values():
        assert "uses" in job or int(job["timeout-minutes"]) <= 240


def test_no_key_is_kept() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert "aws-secret-access-key" not in text


def test_each_make_target_exists() -> None:
    targets = set(re.findall(r"^([\w./-]+(?: [\w./-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {name for line in targets for name in line.split()}
    called = {word for _, (tool, *words) in commands() if tool == "make" for word in words if "=" not in word}
    suites = set(jobs(GITHUB / "workflows" / "checks.yml")["test"]["strategy"]["matrix"]["suite"])
    installed = {
        target
        for path in FILES
        for step in steps(path)
        for target in (step.get("with") or {}).get("targets", "").split()
    }
    assert {word for word in called if "$" not in word} | suites | installed <= known


def test_each_command_exists_with_its_options() -> None:
    checked = set()
    for name, (tool, *words) in commands():
        if not tool.endswith("richesreach"):
            continue
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            word = words.pop(0)
            assert word in command.commands, f"{name}: richesreach {word}"
            command = command.commands[word]
        known = {option for parameter in command.params for option in parameter.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= known, f"{name}: richesreach {command.name}"
        checked.add(command.name)
    assert checked >= {"plan", "deploy", "preflight", "smoke", "drift", "check"}


def test_roles_are_those_that_the_stack_makes() -> None:
    names = Names("${{ inputs.environment }}")
    taken = {
        step["with"]["role-to-assume"].partition(":role/")[2]
        for path in FILES
        for step in steps(path)
        if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@")
    }
    lookup = f"cdk-{QUALIFIER}-lookup-role-${{{{ inputs.account }}}}-${{{{ inputs.region }}}}"
    assert taken == {names.deploy_role, names.look_role, lookup}


def test_session_is_as_long_as_the_role_gives_and_outlives_its_job() -> None:
    deploy = jobs(GITHUB / "workflows" / "deploy-environment.yml")["deploy"]
    (asked,) = [
        int(step["with"]["role-duration-seconds"])
        for path in FILES
        for step in steps(path)
        if "role-duration-seconds" in (step.get("with") or {})
    ]
    assert asked == DEPLOY_HOURS * 3600
    assert int(deploy["timeout-minutes"]) * 60 < asked


def test_one_job_holds_all_that_a_pull_request_must_pass() -> None:
    """A comment is none of it: a fork gets none."""
    found = jobs(GITHUB / "workflows" / "pull-request.yml")
    assert set(found["passed"]["needs"]) == found.keys() - {"passed", "comment"}
    assert found["passed"]["if"] == "always()"


@pytest.mark.parametrize(
    ("results", "well"),
    [
        ({}, True),
        ({"APPROVAL": "skipped"}, True),
        ({"CHECKS": "failure"}, False),
        ({"LOCK": "cancelled"}, False),
        ({"PLAN": "skipped", "APPROVAL": "skipped"}, False),
        ({"APPROVAL": "failure"}, False),
    ],
    ids=str,
)
def test_pull_request_passes_where_each_need_does(results: dict[str, str], well: bool) -> None:
    (step,) = jobs(GITHUB / "workflows" / "pull-request.yml")["passed"]["steps"]
    given = dict.fromkeys(step["env"], "success") | results
    ended = subprocess.run(["bash", "-e", "-c", step["run"]], env=given, check=False, capture_output=True)
    assert (ended.returncode == 0) is well


def test_deployment_keeps_its_record_and_logs_and_no_assembly() -> None:
    kept = [
        step["with"]["path"].split()
        for step in steps(GITHUB / "workflows" / "deploy-environment.yml")
        if (step.get("with") or {}).get("name", "").startswith("deployment-")
    ]
    assert kept == [["deployment/run.jsonl", "deployment/logs"]]


def test_what_takes_minutes_runs_each_night() -> None:
    nightly = {word for name, words in commands() if name == "nightly.yml" for word in words[1:]}
    assert {"bench", "drill", "test-collector"} <= nightly


def test_each_environment_that_is_named_exists() -> None:
    committed = {path.stem for path in ENVIRONMENTS.glob("*.yaml")}
    for path in WORKFLOWS:
        for job in jobs(path).values():
            named = job.get("strategy", {}).get("matrix", {}).get("environment", [])
            assert set(named) <= committed
    assert (
        set(jobs(GITHUB / "workflows" / "checks.yml")["synth"]["strategy"]["matrix"]["environment"])
        == committed
    )
