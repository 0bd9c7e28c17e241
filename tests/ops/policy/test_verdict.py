"""A finding stands unless an entry names it exactly; an entry that names nothing any more is stale."""

from __future__ import annotations

import pytest

from ops.policy.__main__ import evaluate
from ops.policy.finding import Finding, Resolved, Scan, Verdict, judge, resolve
from ops.policy.report import failed, lines
from stacks.acknowledgements import Acknowledged
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment

STACK = "richesreach-prod-eu-west-1-datalake"
REPLICATION = "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled"
REASON = "another area replicates it"


def entries(*listed: Acknowledged) -> list[Resolved]:
    return resolve([("datalake", entry) for entry in listed], load_environment("prod"), PLACEHOLDER_ACCOUNT)


def scan(*findings: Finding, tool: str = "PCI.DSS.321", absent: str = "") -> Scan:
    return Scan(tool, "1.0", 10, 2, findings, absent=absent)


def judged(found: Scan, *listed: Acknowledged) -> tuple[Verdict, list[Resolved]]:
    (verdict,), stale = judge([found], entries(*listed))
    return verdict, stale


@pytest.mark.parametrize("path", ["Lake", "Lake/Resource"])
def test_entry_covers_its_construct_and_what_is_inside(path: str) -> None:
    finding = Finding(REPLICATION, f"{STACK}/Lake/Resource")
    verdict, stale = judged(scan(finding), Acknowledged(path, REPLICATION, REASON))
    assert (verdict.open, verdict.accepted, stale) == ([], [(finding, REASON)], [])


@pytest.mark.parametrize(
    ("identifier", "path"),
    [
        (REPLICATION, f"{STACK}/Lakeside/Resource"),
        (REPLICATION, f"{STACK}/Other/Lake"),
        (REPLICATION, "richesreach-prod-eu-west-1-network/Lake"),
        ("PCI.DSS.321::PCI.DSS.321-S3DefaultEncryptionKMS", f"{STACK}/Lake"),
        (f"{REPLICATION}[more]", f"{STACK}/Lake"),
    ],
)
def test_finding_of_another_id_or_place_stands(identifier: str, path: str) -> None:
    finding = Finding(identifier, path)
    verdict, _ = judged(scan(finding), Acknowledged("Lake", REPLICATION, REASON))
    assert verdict.open == [finding]


def test_entry_that_matches_nothing_is_stale_and_fails() -> None:
    verdict, stale = judged(scan(), Acknowledged("Lake", REPLICATION, REASON))
    assert [entry.finding for entry in stale] == [REPLICATION]
    assert failed([verdict], stale)
    assert any(line.startswith(f"STALE {REPLICATION} at Lake of area datalake") for line in lines([], stale))


def test_each_id_of_a_control_must_match_by_itself() -> None:
    nist = "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled"
    scans = [scan(Finding(REPLICATION, f"{STACK}/Lake")), scan(tool="NIST.800.53.R5")]
    _, stale = judge(scans, entries(Acknowledged("Lake", (REPLICATION, nist), REASON)))
    assert [entry.finding for entry in stale] == [nist]


def test_entry_of_a_tool_that_did_not_run_is_not_called_stale() -> None:
    verdict, stale = judged(
        scan(tool="Checkov", absent="not here"), Acknowledged("Lake", "Checkov::CKV_AWS_18", REASON)
    )
    assert stale == []
    assert not failed([verdict], stale)


def test_id_with_a_region_is_that_of_the_stack_where_it_is_found() -> None:
    entry = Acknowledged("Lake", "AwsSolutions::AwsSolutions-IAM5[Resource::{region}]", REASON)
    own = Finding("AwsSolutions::AwsSolutions-IAM5[Resource::eu-west-1]", f"{STACK}/Lake")
    other = Finding("AwsSolutions::AwsSolutions-IAM5[Resource::us-east-1]", f"{STACK}/Lake")
    verdict, _ = judged(scan(own, other, tool="AwsSolutions"), entry)
    assert verdict.open == [other]


def test_finding_makes_the_command_fail_and_is_listed() -> None:
    text, status = evaluate([scan(Finding("Checkov::CKV_AWS_1", f"{STACK}/Lake", "is open"), tool="Checkov")])
    assert status == 1
    assert f"FINDING Checkov::CKV_AWS_1 at {STACK}/Lake: is open" in list(text)


def test_report_gives_every_acknowledgement_with_id_resource_and_reason() -> None:
    finding = Finding(REPLICATION, f"{STACK}/Lake/Resource")
    verdict, stale = judged(scan(finding), Acknowledged("Lake", REPLICATION, REASON))
    text = "\n".join(lines([verdict], stale))
    assert f"{REPLICATION}\n    because {REASON}\n      {finding.path}" in text
    assert "PCI.DSS.321  1.0      10     2 resources  0         1" in text


def test_report_says_why_a_tool_did_not_run() -> None:
    verdict, stale = judged(scan(tool="cfn-guard", absent="no cargo"))
    text = list(lines([verdict], stale))
    assert "cfn-guard did not run: no cargo" in text
    assert any(line.startswith("cfn-guard") and line.endswith("-         -") for line in text)
