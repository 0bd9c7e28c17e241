"""``python -m ops.policy``: exit 0 where nothing stands, 1 where a finding or a stale entry does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ops.errors import OperationError
from ops.policy import cdk_nag, cfn_guard, cfn_lint, checkov, cloudsplaining, report
from ops.policy.assembly import ENVIRONMENT, Assembly, synthesise
from ops.policy.finding import Scan, judge, resolve
from stacks.accepted import ACKNOWLEDGED
from stacks.environment import PLACEHOLDER_ACCOUNT, load_environment
from stacks.errors import ConfigurationError
from stacks.yaml_file import ROOT


def scans(assembly: Assembly) -> list[Scan]:
    """Of all tools; the longest first, each a process of its own."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        running = [
            pool.submit(tool.scan, assembly) for tool in (checkov, cfn_guard, cfn_lint, cloudsplaining)
        ]
        linted = [run.result() for run in running]
    return [*cdk_nag.scan(assembly), *sorted(linted, key=lambda scan: scan.tool.lower())]


def evaluate(found: Sequence[Scan]) -> tuple[Iterable[str], int]:
    """What to print of the scans, and the exit status."""
    entries = [
        (area, entry) for area, listed in ACKNOWLEDGED.items() for entry in listed if not entry.outside_prod
    ]
    resolved = resolve(entries, load_environment(ENVIRONMENT), PLACEHOLDER_ACCOUNT)
    verdicts, stale = judge(found, resolved)
    return report.lines(verdicts, stale), int(report.failed(verdicts, stale))


def main() -> int:
    try:
        text, status = evaluate(scans(synthesise(ROOT / ".local" / "policy" / "assembly")))
    except (ConfigurationError, OperationError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, ConfigurationError) else 1
    for line in text:
        print(line)  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main())
