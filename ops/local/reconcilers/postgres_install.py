"""The PostgreSQL programs, run for one server at a time."""

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.local.process import Command, ProcessError, run_once
from ops.local.reconcilers.postgres_files import BASE_ENV, SUPERUSER, Peer

PROGRAM_SECONDS = 120.0
QUERY_SECONDS = 30.0


@dataclass(frozen=True)
class Installation:
    """What the servers share: programs, folders, and the passwords of the two internal users."""

    binaries: Path
    version: int
    data: Path
    logs: Path
    superuser_password: str
    replication_password: str

    def command(self, program: str, arguments: tuple[str, ...], log: Path, folder: Path) -> Command:
        """A program that works on the data in `folder`, as a user that is not root.

        Its death signal is an immediate shutdown: the log recovers the server, and nothing is left running.
        """
        return Command(
            argv=(str(self.binaries / program), *arguments),
            log=log,
            env={**BASE_ENV, "PGCONNECT_TIMEOUT": "5"},
            cwd=folder,
            death_signal=signal.SIGQUIT,
            unprivileged=True,
            owned=folder,
            secrets=frozenset({self.superuser_password, self.replication_password}),
        )

    def run(self, program: str, arguments: tuple[str, ...], log: Path, folder: Path) -> None:
        """Run a program to its end; raises ProcessError with its own reason."""
        run_once(self.command(program, arguments, log, folder), PROGRAM_SECONDS)

    def accepts(self, peer: Peer) -> bool:
        """Whether a server accepts connections there."""
        probe = (str(self.binaries / "pg_isready"), "-q", "-h", peer.address, "-p", str(peer.port))
        return subprocess.run(probe, env=BASE_ENV, check=False, timeout=10).returncode == 0

    def query(self, peer: Peer, statements: str, redact: str = "") -> str:
        """Run statements as the superuser, each in its own transaction; the answer, unaligned.

        Raises ProcessError with the server's message, without the text `redact`.
        """
        argv = [str(self.binaries / "psql"), "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"]
        argv += ["-h", peer.address, "-p", str(peer.port), "-U", SUPERUSER, "-d", "postgres"]
        env = {**BASE_ENV, "PGPASSWORD": self.superuser_password, "PGCONNECT_TIMEOUT": "3"}
        try:
            answer = subprocess.run(
                argv,
                env=env,
                input=statements,
                capture_output=True,
                text=True,
                timeout=QUERY_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProcessError(f"no answer within {QUERY_SECONDS:.0f} s") from error
        if answer.returncode != 0:
            message = " ".join(answer.stderr.split())
            raise ProcessError((message.replace(redact, "***") if redact else message)[:300])
        return answer.stdout.strip()

    def end_of_log(self, data: Path) -> str:
        """Log position of the checkpoint with which a server ended.

        Raises ProcessError where it did not end in order: its log may then go on behind the checkpoint.
        """
        argv = [str(self.binaries / "pg_controldata"), "-D", str(data)]
        answer = subprocess.run(argv, env=BASE_ENV, capture_output=True, text=True, timeout=10, check=False)
        facts = dict(line.partition(":")[::2] for line in answer.stdout.splitlines())
        if facts.get("Database cluster state", "").strip() != "shut down":
            raise ProcessError(f"{data.parent.name} did not shut down in order")
        return facts["Latest checkpoint location"].strip()
