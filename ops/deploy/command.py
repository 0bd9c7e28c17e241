"""``richesreach deploy``: lock, synthesise, compare, ask for the yes it needs, deploy in waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ops import account
from ops.account import LOCAL
from ops.deploy import approval, comparison, expected, refresh, selection
from ops.deploy.alarms import Gate
from ops.deploy.asking import Account
from ops.deploy.board import Board
from ops.deploy.comparison import Comparison
from ops.deploy.formation import Formation
from ops.deploy.graph import Graph
from ops.deploy.here import ended_by_signals, new_id, revision, who
from ops.deploy.lock import Lock
from ops.deploy.one_stack import Deployer, Kind
from ops.deploy.record import Record, ended, fact, unbaked
from ops.deploy.run import Run
from ops.deploy.store import Event, Store
from ops.deploy.wave_run import WaveRun
from ops.deploy.waves import waves
from ops.errors import OperationError, UsageError
from ops.plan import assembly, fingerprint, report, synthesis
from stacks.environment import Environment, load_environment
from stacks.yaml_file import ROOT

COMMAND = "deploy"

#: Newest runs among which the last deployment is looked for.
_LOOKED_AT = 10


@dataclass(frozen=True)
class Options:
    """As given on the command line; None where nothing was."""

    environment: str
    plan: Path | None = None
    dry_run: bool = False
    resume: bool = False
    bake: float | None = None
    only: Sequence[str] = ()
    output: Path | None = None
    assembly: Path | None = None
    yes: Sequence[str] = ()
    despite: Sequence[str] = ()
    break_lock: str | None = None
    #: A yes that nothing needs any more is no error: the run repeats one that was cut short.
    repeated: bool = False


class Deployment:
    """One run of the command."""

    def __init__(self, console: Console, options: Options) -> None:
        self.console = console
        self.options = options
        self.environment: Environment = load_environment(options.environment)
        self.account = Account(options.environment)
        self.formation = Formation(self.account, self.environment)
        self.store = Store(self.account, self.environment)
        self.lock = Lock(self.account, self.store)
        self.run = new_id()
        self.planned: fingerprint.Fingerprint | None = None
        self.earlier: list[Event] = []
        self.resumed = False

    @property
    def regions(self) -> list[str]:
        """The writer region first, then home, then the others."""
        environment = self.environment
        first = [environment.writer_region, environment.home_region]
        return list(dict.fromkeys([*first, *environment.regions, environment.dns_region]))

    def deploy(self) -> None:
        options = self.options
        self.planned = approval.read_plan(options.plan, options.environment) if options.plan else None
        owner = account.of_caller(options.environment)
        if options.dry_run:
            self._continue()
            self._deploy(owner)
            return
        me = who(self.account, self.environment.home_region)
        self._continue()
        said = self.lock.acquire(self.run, COMMAND, me, options.break_lock)
        if said:
            self.console.print(said, style="yellow", markup=False)
        try:
            with self.lock.alive():
                self._continue_locked()
                self._deploy(owner)
        finally:
            self.lock.release()

    def _continue(self) -> None:
        """Reads what the last run left undone, and whether this one goes on with it.

        Raises:
            UsageError: ``--resume`` without an unfinished run, and without a plan to begin with.
        """
        self.earlier = self._unfinished()
        if not self.options.resume:
            return
        begun = fact(self.earlier, "started", "synthesised")
        self.resumed = bool(self.earlier) and (self.planned is None or self.planned.synthesised == begun)
        if self.resumed:
            self.run = str(self.earlier[0]["run"])
        elif self.planned is None:
            raise UsageError(
                f"no run of {self.environment.name} is unfinished; leave --resume away to begin one"
            )

    def _continue_locked(self) -> None:
        """Reads it again: until the lock was taken, its holder may have written.

        Raises:
            OperationError: the run that was to be resumed is no longer the unfinished one.
        """
        run, resumed = self.run, self.resumed
        self._continue()
        if (self.run, self.resumed) != (run, resumed):
            raise OperationError(
                f"what is unfinished in {self.environment.name} changed just now; repeat the command"
            )

    def _unfinished(self) -> list[Event]:
        """Events of the newest deployment, where it is unfinished. Other commands keep records there, too."""
        for run in self.store.runs(_LOOKED_AT):
            events = self.store.read(run)
            if fact(events, "started", "command") == COMMAND:
                return [] if ended(events) else events
        return []

    def _deploy(self, owner: str) -> None:
        folder = self.options.output or ROOT / ".deploy" / self.environment.name / self.run
        out = self.options.assembly or folder / "cdk.out"
        if self.options.assembly is None:
            self._say("synthesising")
            validate = self.environment.name != LOCAL
            synthesis.write(self.environment.name, owner, out, validate=validate)
        graph = Graph(assembly.read(out))
        selection.check_account(graph.stacks.values(), owner)
        found = self._compare(graph)
        board = Board(self.console, expected.read(graph, self.store))
        if not found.work and not (self.resumed and unbaked(self.earlier)):
            self._nothing(found)
            return
        board.waves(waves(graph, found.work, self.regions), found.work, self._concurrency, self._bake)
        self.formation.check(found.states[name] for name in found.work if name in found.states)
        self._approve(found)
        if self.options.dry_run:
            self._say("nothing was touched: --dry-run")
            return
        self._run(found, board, folder, out)

    def _compare(self, graph: Graph) -> Comparison:
        found = comparison.compare(
            graph, self.formation, self._say, only=self.options.only, wait=not self.options.dry_run
        )
        if self.resumed:
            # The yes that the run was given is for what it began with.
            begun = fact(self.earlier, "started", "work") or {}
            for name in found.work.keys() - begun.keys():
                del found.work[name]
        for name, because in refresh.owed(graph, self.earlier, found.states).items():
            if name not in found.work:
                self._say(f"{name} still lacks what changed in {because}: it is updated too")
                found.work[name] = Kind.REFRESH
        return found

    def _approve(self, found: Comparison) -> None:
        stacks = found.graph.stacks
        now = fingerprint.fingerprint(found.before, stacks)
        if self.resumed:
            moved = fingerprint.Fingerprint(fact(self.earlier, "started", "synthesised") or {}, {}).moved(
                fingerprint.Fingerprint(now.synthesised, {})
            )
            if moved:
                raise OperationError(
                    f"run {self.run} deployed another state of the tree: {'; '.join(moved[:5])}; go back to"
                    " it, or deploy without --resume what there is now"
                )
            return
        if self.planned is not None and self.options.plan is not None:
            approval.check_fresh(self.options.plan, self.planned, now)
        if found.before:
            plan = report.plan(self.environment, "what is deployed", found.before, stacks)
            needed = approval.asked(plan, found.work)
            said = self.options.yes
            if self.options.repeated:
                said = [each for each in said if each in needed]
            approval.check(self.environment.name, needed, said, planned=self.options.plan is not None)

    def _run(self, found: Comparison, board: Board, folder: Path, out: Path) -> None:
        record = Record(self.store, self.run, folder, self.earlier if self.resumed else [])
        facts = self._facts(found)
        record.say("resumed" if self.resumed else "started", **facts)
        if self.earlier and not self.resumed:
            self._take_over(found, record)
        deployer = Deployer(self.formation, out, folder, self.run)
        run = Run(
            WaveRun(found.graph, self.formation, deployer, record, board, found.work, self._concurrency),
            Gate(self.account, self.environment, self.options.despite),
            self.lock,
            self.regions,
            self._bake,
            whole=not self.resumed or self._sees_through(found),
        )
        try:
            with ended_by_signals():
                run.go(unbaked(self.earlier) if self.resumed else "")
        except KeyboardInterrupt:
            record.say("interrupted")
            self._say(
                f"interrupted: CloudFormation goes on with what it had begun; continue with `richesreach"
                f" deploy --env {self.environment.name} --resume`",
                "yellow",
            )
            raise
        self._say(
            f"deployed; the record is {record.file} and s3://{self.store.bucket}/{self.store.key(self.run)}"
        )

    def _facts(self, found: Comparison) -> dict[str, Any]:
        me = who(self.account, self.environment.home_region)
        now = fingerprint.fingerprint(found.before, found.graph.stacks)
        return {
            "command": COMMAND,
            "environment": self.environment.name,
            "who": me.name,
            "host": me.host,
            "pid": me.pid,
            "revision": revision(),
            "assembly": fingerprint.whole(list(found.graph.stacks.values())),
            "synthesised": dict(now.synthesised),
            "work": dict(found.work),
            "yes": list(self.options.yes),
            "despite": list(self.options.despite),
        }

    def _take_over(self, found: Comparison, record: Record) -> None:
        """What the unfinished run owes is this one's now."""
        before = str(self.earlier[0]["run"])
        for name, because in refresh.owed(found.graph, self.earlier, found.states).items():
            record.say("owed", stack=name, because=because)
        Record(self.store, before, record.file.parent / "earlier", self.earlier).say("abandoned", by=self.run)
        self._say(f"run {before} was not finished; this one takes its place")

    def _nothing(self, found: Comparison) -> None:
        count = len(found.chosen)
        self._say(f"{self.environment.name}: nothing to deploy, {count} stacks are as they should be")
        if not self.earlier or self.options.dry_run or not self._sees_through(found):
            return
        run, cut_short = str(self.earlier[0]["run"]), unbaked(self.earlier)
        if cut_short:
            self._say(
                f"the bake of {cut_short} in run {run} was cut short: `richesreach deploy --env"
                f" {self.environment.name} --resume` sees it through",
                "yellow",
            )
        else:
            folder = ROOT / ".deploy" / self.environment.name / run
            Record(self.store, run, folder, self.earlier).say("finished", by=self.run)

    def _sees_through(self, found: Comparison) -> bool:
        """Whether everything that the unfinished run began with is chosen: ``--only`` may leave some out."""
        begun = fact(self.earlier, "started", "work") or {}
        return not self.options.only or set(begun) <= found.chosen

    @property
    def _bake(self) -> float:
        configured = float(self.environment.delivery.bake_seconds)
        return configured if self.options.bake is None else self.options.bake

    @property
    def _concurrency(self) -> int:
        return self.environment.delivery.concurrency

    def _say(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False)
