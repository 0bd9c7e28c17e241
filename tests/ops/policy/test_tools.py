"""Each tool's report becomes findings at constructs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OperationError
from ops.policy import cdk_nag, cfn_guard, cfn_lint, checkov, cloudsplaining
from ops.policy.assembly import Assembly
from ops.policy.finding import Finding
from tests.ops.policy.conftest import STACK, TEMPLATE, nag, violation, write

COUNTS = dict.fromkeys(cdk_nag.MODULES, 7)


def test_pack_yields_what_stands_and_what_the_cdk_accepts(tmp_path: Path) -> None:
    path = f"{STACK}/Lake/Resource"
    packs = [nag(name) for name in cdk_nag.MODULES if name != "PCI.DSS.321"]
    accepted = violation("PCI.DSS.321-A", path, acknowledgedId="PCI.DSS.321::PCI.DSS.321-A")
    packs.append(nag("PCI.DSS.321", [violation("PCI.DSS.321-B", path)], [accepted]))
    (scan,) = [
        each for each in cdk_nag.scan(write(tmp_path, reports=packs), COUNTS) if each.tool == "PCI.DSS.321"
    ]
    assert [finding.id for finding in scan.findings] == [
        "PCI.DSS.321::PCI.DSS.321-B",
        "PCI.DSS.321::PCI.DSS.321-A",
    ]
    assert (scan.rules, scan.resources) == (7, 2)


def test_pack_that_did_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"no HIPAA\.Security, NIST"):
        cdk_nag.scan(write(tmp_path, reports=[nag("AwsSolutions"), nag("PCI.DSS.321")]), COUNTS)


def test_what_the_cdk_itself_finds_is_listed_too(tmp_path: Path) -> None:
    own = nag("CloudFormation Validate", [violation("E3002", f"{STACK}/Lake")])
    scans = cdk_nag.scan(write(tmp_path, reports=[*(nag(name) for name in cdk_nag.MODULES), own]), COUNTS)
    assert [finding.id for finding in scans[-1].findings] == ["CloudFormation Validate::E3002"]


def test_every_pack_has_rules() -> None:
    counts = cdk_nag.rule_counts()
    assert set(counts) == set(cdk_nag.MODULES)
    assert all(count > 50 for count in counts.values())


def _check(rule: str) -> dict[str, Any]:
    return {
        "check_id": rule,
        "check_name": "says what",
        "file_path": f"/{STACK}.template.json",
        "resource": "AWS::S3::Bucket.Lake1",
    }


def test_checkov_names_the_construct_of_a_failed_check(assembly: Assembly) -> None:
    report = {
        "results": {"failed_checks": [_check("CKV_AWS_18")], "passed_checks": [_check("CKV_AWS_19")]},
        "summary": {"parsing_errors": 0, "resource_count": 2, "checkov_version": "3"},
    }
    scan = checkov.read(assembly, report)
    assert list(scan.findings) == [Finding("Checkov::CKV_AWS_18", f"{STACK}/Lake/Resource")]
    assert scan.rules == 2


def test_template_that_checkov_cannot_read_is_an_error(assembly: Assembly) -> None:
    report = {
        "results": {"failed_checks": [], "passed_checks": [], "parsing_errors": ["/x.json"]},
        "summary": {"parsing_errors": 1, "resource_count": 0, "checkov_version": "3"},
    }
    with pytest.raises(OperationError, match=r"could not read /x\.json"):
        checkov.read(assembly, report)


def test_cloudsplaining_names_kind_action_and_policy(assembly: Assembly) -> None:
    finding = {"stack": STACK, "logical_id": "Reader2", "kind": "DataExfiltration", "name": "s3:GetObject"}
    scan = cloudsplaining.read(assembly, {"version": "1", "policies": 1, "findings": [finding]})
    assert list(scan.findings) == [
        Finding("Cloudsplaining::DataExfiltration[s3:GetObject]", f"{STACK}/Reader/Resource")
    ]


def test_cfn_lint_finds_what_cloudformation_refuses(tmp_path: Path) -> None:
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Lake1"]["Properties"] = {"Colour": "blue"}
    scan = cfn_lint.scan(write(tmp_path, template))
    assert list(scan.findings) == [Finding("cfn-lint::E3002", f"{STACK}/Lake/Resource")]
    assert scan.rules > 200


def test_rule_that_metadata_exempts_is_listed_with_its_reason(tmp_path: Path) -> None:
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Lake1"]["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["W3005"]}}
    ((finding, reason),) = cfn_lint.exemptions(write(tmp_path, template))
    assert finding == Finding("cfn-lint::W3005", f"{STACK}/Lake/Resource")
    assert "DependsOn" in reason


def test_exemption_without_a_reason_is_refused(tmp_path: Path) -> None:
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Lake1"]["Metadata"]["cfn-lint"] = {"config": {"ignore_checks": ["E3002"]}}
    with pytest.raises(OperationError, match="exempt from E3002, and nothing says why"):
        list(cfn_lint.exemptions(write(tmp_path, template)))


def test_cfn_guard_names_rule_resource_and_what_is_promised(assembly: Assembly) -> None:
    place = {"traversed_to": {"path": "/Resources/Lake1/Properties", "value": {}}}
    check = {"Clause": {"Unary": {"check": place, "messages": {"custom_message": "no bucket is public"}}}}
    rule = {"Rule": {"name": "buckets_keep_to_themselves", "checks": [check]}}
    report = [{"name": f"/somewhere/{STACK}.template.json", "not_compliant": [rule]}]
    (finding,) = cfn_guard.read(assembly, report)
    assert finding == Finding("cfn-guard::buckets_keep_to_themselves", f"{STACK}/Lake/Resource")
    assert finding.description == "no bucket is public"


def test_cfn_guard_that_cannot_be_had_is_absent_with_the_reason(
    assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cfn_guard, "HOME", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    scan = cfn_guard.scan(assembly)
    assert scan.findings == ()
    assert scan.absent.startswith("neither cfn-guard nor cargo is on the PATH")


def test_build_that_fails_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!{shutil.which('sh')}\necho 'error: no such registry' >&2\nexit 101\n")
    cargo.chmod(0o755)
    monkeypatch.setattr(cfn_guard, "HOME", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cfn_guard.NotFetchedError, match="cannot fetch or build it: error: no such registry"):
        cfn_guard.fetched()
