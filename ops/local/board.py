"""What the supervisor's threads have to tell, gathered into one published state."""

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ops.local import state
from ops.local.reconcilers.report import Report
from ops.local.state import LocalAws, ProcessState, State, Supervisor


class Board:
    """Thread-safe; the file is rewritten only when something changed."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._supervisor = Supervisor(os.getpid(), now)
        self._local_aws = LocalAws(endpoint, "starting")
        self._aws_process: ProcessState | None = None
        self._reports: dict[str, Report] = {}
        self._published: State | None = None

    def put(self, reconciler: str, report: Report) -> None:
        """Replace what one reconciler has to say."""
        with self._lock:
            self._reports[reconciler] = report
            self._publish()

    def local_aws(self, status: str, reason: str = "", process: ProcessState | None = None) -> None:
        """Say how the local AWS is."""
        with self._lock:
            self._local_aws = LocalAws(self._local_aws.endpoint, status, reason)
            self._aws_process = process or self._aws_process
            self._publish()

    def stopped(self) -> None:
        """Say that nothing runs any more."""
        with self._lock:
            if self._aws_process is not None:
                self._aws_process = replace(self._aws_process, status="stopped", pid=0)
            reports = self._reports.values()
            processes = [replace(p, status="stopped", pid=0) for r in reports for p in r.processes]
            self._supervisor = replace(self._supervisor, pid=0)
            self._reports = {"stopped": Report(processes=tuple(processes))}
            if self._local_aws.status != "failed":
                self._local_aws = replace(self._local_aws, status="stopped")
            self._publish()

    def databases_starting(self) -> bool:
        """Whether a database, cache or stream is known whose server does not answer yet."""
        with self._lock:
            reports = list(self._reports.values())
        servers = [d.status for r in reports for d in r.databases]
        servers += [c.status for r in reports for c in r.caches]
        servers += [s.status for r in reports for s in r.streams]
        return any(status != "running" for status in servers)

    def _publish(self) -> None:
        reports = [report for _, report in sorted(self._reports.items())]
        processes = [p for report in reports for p in report.processes]
        if self._aws_process is not None:
            processes.insert(0, self._aws_process)
        current = State(
            supervisor=self._supervisor,
            local_aws=self._local_aws,
            processes=tuple(processes),
            services=tuple(s for report in reports for s in report.services),
            databases=tuple(d for report in reports for d in report.databases),
            caches=tuple(c for report in reports for c in report.caches),
            streams=tuple(s for report in reports for s in report.streams),
        )
        if current != self._published:
            state.write(self._path, current)
            self._published = current
