"""The plan as a whole: what comes first, the exit status, and every form in which it is written."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.errors import OperationError, UsageError
from ops.plan import command, document, markdown, page, synthesis, text
from ops.plan.assembly import Stack, read
from ops.plan.form import Form
from ops.plan.report import Plan, Verdict, plan
from stacks.environment import load_environment
from tests.ops.plan.templates import resource, stack

TAGS = [{"Key": "team", "Value": "a"}]
DEPLOYED = {
    "Database": resource("AWS::RDS::DBInstance", "Database/Reader", DBInstanceClass="db.serverless"),
    "Lake": resource("AWS::S3::Bucket", "Lake", BucketName="lake", Tags=TAGS),
    "Tasks": resource("AWS::EC2::SecurityGroup", "Tasks", SecurityGroupIngress=[]),
    "Alarm": resource("AWS::CloudWatch::Alarm", "Alarm", Threshold=1),
}


def planned(after: Mapping[str, Any], before: Mapping[str, Any] = DEPLOYED) -> Plan:
    name = stack({}).name
    return plan(
        load_environment("prod"), "what is deployed", {name: stack(dict(before))}, {name: stack(dict(after))}
    )


def changed(logical_id: str, **properties: Any) -> dict[str, Any]:
    whole = DEPLOYED[logical_id]
    return {logical_id: whole | {"Properties": whole["Properties"] | properties}}


def printed(made: Plan) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        text.show(console, made)
    return captured.get()


@pytest.fixture
def dangerous() -> Plan:
    """Shrinks the database, renames the lake, opens a security group, and lifts a threshold."""
    after = DEPLOYED | changed("Lake", BucketName="pond") | changed("Alarm", Threshold=2)
    opened = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    after |= changed("Tasks", SecurityGroupIngress=[opened])
    del after["Database"]
    return planned(after)


def test_nothing_changed_is_status_0() -> None:
    made = planned(DEPLOYED)
    assert made.verdict is Verdict.NOTHING
    assert int(made.verdict) == 0


def test_a_tag_is_a_change_that_needs_no_yes() -> None:
    made = planned(DEPLOYED | changed("Lake", Tags=[{"Key": "team", "Value": "b"}]))
    assert made.verdict is Verdict.CHANGES
    assert int(made.verdict) == 2


def test_state_lost_and_access_widened_come_first_and_need_a_yes(dangerous: Plan) -> None:
    assert dangerous.verdict is Verdict.NEEDS_YES
    assert int(dangerous.verdict) == 3
    state, access, *rest = document.sections(dangerous)
    assert [row.cells[2].split()[0] for row in state.rows] == ["Lake", "Database/Reader"]
    assert {row.tone for row in state.rows} == {document.Tone.DANGER}
    assert access.rows[0].cells[-1] == "now lets in tcp 22 from anyone (0.0.0.0/0)"
    assert rest[0].title == "Changes"


def test_widened_access_alone_needs_a_yes() -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}
    assert planned(DEPLOYED | changed("Tasks", SecurityGroupIngress=[rule])).verdict is Verdict.NEEDS_YES


@pytest.mark.parametrize("write", [markdown.write, page.write, printed])
def test_every_form_says_what_needs_a_yes(write: Callable[[Plan], str], dangerous: Plan) -> None:
    written = write(dangerous)
    for words in ("Database/Reader", "pond", "anyone", "needs a yes"):
        assert words in written


def test_page_needs_nothing_beside_itself_and_takes_no_markup_from_names() -> None:
    hostile = {"X": resource("AWS::CloudWatch::Alarm", "<script>alert(1)</script>", Threshold=1)}
    written = page.write(planned(hostile, {}))
    assert "<script" not in written
    assert "http" not in written.replace("http-equiv", "")
    assert "&lt;script&gt;" in written


def test_page_shows_what_must_be_read_above_its_charts(dangerous: Plan) -> None:
    written = page.write(dangerous)
    places = [
        written.index(f"<h2>{title}</h2>") for title in ("State", "Access", "Changes by stack", "Changes")
    ]
    assert places == sorted(places)


def test_page_folds_long_tables_but_nothing_in_red() -> None:
    lost = {f"Lake{number}": resource("AWS::S3::Bucket", f"Lake{number}") for number in range(20)}
    alarms = {f"Alarm{number}": resource("AWS::CloudWatch::Alarm", f"Alarm{number}") for number in range(20)}
    written = page.write(planned(alarms, lost))
    state, rest = written.split("<h2>Changes</h2>")
    assert "<details>" not in state
    assert "<summary>12 more</summary>" in rest


def test_value_that_is_cut_still_shows_both_sides() -> None:
    before, after = (f"s3://{name}/{'x' * 200}" for name in ("lake", "pond"))
    made = planned(
        DEPLOYED | changed("Lake", BucketName=after), DEPLOYED | changed("Lake", BucketName=before)
    )
    (row,) = next(document.sections(made)).rows
    assert "s3://lake" in row.cells[-1]
    assert "s3://pond" in row.cells[-1]
    assert "…" in row.cells[-1]


def test_comment_stays_below_what_a_pull_request_takes() -> None:
    many = {f"A{number}": resource("AWS::CloudWatch::Alarm", "x" * 200, Threshold=1) for number in range(900)}
    written = markdown.write(planned(many, {}))
    assert len(written) < 65_536
    assert "Changes (900 rows)" in written


def test_json_has_every_change_with_every_property(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dangerous: Plan
) -> None:
    monkeypatch.setattr(command, "compare", lambda environment, base: dangerous)
    file = tmp_path / "plan.json"
    assert command.run(Console(quiet=True), "prod", None, Form.JSON, file) is Verdict.NEEDS_YES
    whole = json.loads(file.read_text())
    assert whole["exit_status"] == 3
    assert [each.partition("/")[2] for each in whole["needs_yes"]] == ["Lake", "Database"]
    assert {each["effect"] for each in whole["changes"]} == {"replaced", "removed", "updated"}


def test_file_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dangerous: Plan
) -> None:
    monkeypatch.setattr(command, "compare", lambda environment, base: dangerous)
    with pytest.raises(OperationError, match=r"nowhere/plan\.html"):
        command.run(Console(quiet=True), "prod", None, Form.HTML, tmp_path / "nowhere" / "plan.html")


def test_unknown_revision_is_an_error_of_usage() -> None:
    with (
        pytest.raises(UsageError, match="no-such-branch is no revision"),
        synthesis.revision("no-such-branch"),
    ):
        pass


def test_folder_without_an_assembly_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="holds no cloud assembly"):
        read(tmp_path)


def test_stack_knows_its_resources_without_the_cdks_record() -> None:
    made = Stack("a", "eu-west-1", "1", {"Resources": {"M": {"Type": "AWS::CDK::Metadata"}}})
    assert made.resources == {}
