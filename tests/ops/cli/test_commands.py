"""The exit status says whose fault it was, and the one line on stderr what to do about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks.environment import ENVIRONMENTS
from tests.ops.cli.conftest import Run, holding


def test_no_command_shows_the_help(richesreach: Run) -> None:
    shown = richesreach()
    assert "Usage" in shown.output + shown.errors
    for command in ("up", "down", "status", "logs", "drain", "undrain", "cdk"):
        assert command in shown.output + shown.errors


@pytest.mark.parametrize("command", ["drain", "undrain"])
def test_unknown_region_is_refused_with_the_known_ones(command: str, richesreach: Run) -> None:
    done = richesreach(command, "eu-west-9")
    assert done.status == 2
    assert done.errors == (
        "error: 'eu-west-9' is no region of local; choose one of us-east-1, eu-west-1, ap-southeast-1\n"
    )


@pytest.mark.parametrize("command", ["drain", "undrain"])
def test_region_cannot_be_drained_where_nothing_runs(command: str, richesreach: Run) -> None:
    done = richesreach(command, "eu-west-1")
    assert done.status == 1
    assert "the routing store of local does not answer" in done.errors
    assert "is the platform up? `make up`" in done.errors


def test_status_where_nothing_runs_names_the_mend(richesreach: Run) -> None:
    done = richesreach("status")
    assert (done.status, done.output) == (1, "")
    assert done.errors == "error: nothing runs; start the platform with `make up`\n"


def test_status_does_not_take_a_recycled_process_id_for_the_supervisor(
    richesreach: Run, state_dir: Path
) -> None:
    (state_dir / "run").mkdir(parents=True)
    with holding("127.0.0.1") as (pid, _):
        (state_dir / "run" / "supervisor.pid").write_text(f"{pid}\n")
        assert richesreach("status").status == 1
        assert richesreach("down").output == "nothing runs\n"
        assert Path(f"/proc/{pid}").exists(), "another program was ended"


def test_down_where_nothing_runs_is_no_failure(richesreach: Run) -> None:
    done = richesreach("down")
    assert (done.status, done.output, done.errors) == (0, "nothing runs\n", "")


def test_log_that_does_not_exist_is_refused_with_those_that_do(richesreach: Run, state_dir: Path) -> None:
    (state_dir / "logs").mkdir(parents=True)
    (state_dir / "logs" / "edge.log").write_text("one\n")
    done = richesreach("logs", "nope")
    assert done.status == 2
    assert done.errors == "error: there is no log 'nope'; there are edge\n"


def test_log_name_cannot_leave_the_folder(richesreach: Run, state_dir: Path) -> None:
    (state_dir / "logs").mkdir(parents=True)
    (state_dir / "secret.log").write_text("secret\n")
    done = richesreach("logs", "../secret")
    assert (done.status, done.output) == (2, "")


def test_logs_where_nothing_ran_names_the_mend(richesreach: Run) -> None:
    assert richesreach("logs").output == "no logs yet; start the platform with `make up`\n"


def test_logs_shows_the_last_lines(richesreach: Run, state_dir: Path) -> None:
    (state_dir / "logs").mkdir(parents=True)
    (state_dir / "logs" / "edge.log").write_text("one\n[two]\nthree\n")
    assert richesreach("logs", "edge", "-n", "2").output == "[two]\nthree\n"


def test_unknown_environment_of_cdk_is_refused_with_the_known_ones(richesreach: Run) -> None:
    done = richesreach("cdk", "--env", "nowhere", "synth")
    assert done.status == 2
    assert done.errors.startswith("error: environments/nowhere.yaml: there is no environment 'nowhere'")
    known = ", ".join(sorted(file.stem for file in ENVIRONMENTS.glob("*.yaml")))
    assert done.errors.endswith(f"choose one of {known}\n")


def test_cdk_without_a_command_is_refused_with_an_example(richesreach: Run) -> None:
    done = richesreach("cdk", "--env", "local")
    assert (done.status, done.errors) == (
        2,
        "error: no CDK command given; write e.g. `richesreach cdk --env local diff`\n",
    )


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_deployment_without_credentials_is_refused(command: str, richesreach: Run) -> None:
    done = richesreach("cdk", "--env", "prod", command, "--all")
    assert done.status == 1
    assert done.errors.startswith("error: no usable AWS credentials")
    assert "sign in, e.g. `aws sso login`, and set AWS_PROFILE" in done.errors


def test_status_as_json_is_json_and_names_what_does_not_serve(richesreach: Run, state_dir: Path) -> None:
    """A process whose command line names the supervisor's module stands for it."""
    (state_dir / "run").mkdir(parents=True)
    (state_dir / "run" / "state.json").write_text(json.dumps({"local_aws": {"status": "running"}}))
    with holding("127.0.0.1", 0, "ops.local.supervisor") as (pid, _):
        (state_dir / "run" / "supervisor.pid").write_text(str(pid))
        done = richesreach("status", "--json")
    assert (done.status, done.errors) == (1, "")
    published = json.loads(done.output)
    assert published["local_aws"]["status"] == "running"
    assert published["unready"][0] == "no service runs in us-east-1"
