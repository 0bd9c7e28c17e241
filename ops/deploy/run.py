"""A run: wave after wave, with the alarms read before, between and after; it halts by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.deploy.alarms import Alarm, Gate
from ops.deploy.lock import Lock
from ops.deploy.wave_run import WaveRun
from ops.deploy.waves import waves
from ops.errors import OperationError


@dataclass
class Run:
    """``regions`` are all of the environment, the writer region first. ``whole`` is whether nothing is left
    of the run when this is through: it can be resumed for a part of it."""

    waves: WaveRun
    gate: Gate
    lock: Lock
    regions: Sequence[str]
    bake: float
    whole: bool = True

    def go(self, unbaked: str = "") -> None:
        """Deploys everything in ``waves.work``. ``unbaked`` is a region whose wave was deployed by an earlier
        run and not seen through its bake.

        Raises:
            OperationError: a stack failed, an alarm fires, or the lock was broken; nothing more was begun.
        """
        began, number = time.monotonic(), 0
        if unbaked:
            self._bake(unbaked, "the next wave" if self.waves.work else "the end")
        while self.waves.work:
            ahead = waves(self.waves.graph, self.waves.work, self.regions)
            number, wave = number + 1, ahead[0]
            where = f"wave {number} ({wave.region})"
            self.lock.check()
            self._halt_on(self.gate.firing(self.regions), where)
            self.waves.record.say("wave", number=number, region=wave.region, stacks=list(wave.stacks))
            with self.waves.board.wave(number, number - 1 + len(ahead), wave, self.waves.work):
                failed = self.waves.run(wave)
            if failed:
                self._halt(f"{where}: " + "; ".join(f"{each.stack}: {each.reason}" for each in failed))
            self.waves.record.say("wave-deployed", number=number, region=wave.region)
            following = f"wave {number + 1}" if self.waves.work else "the end"
            self._bake(wave.region, following)
        end = "finished" if self.whole else "part-finished"
        self.waves.record.say(end, seconds=round(time.monotonic() - began, 1))

    def _bake(self, region: str, following: str) -> None:
        watched = sum(self.gate.watched(each) for each in self.regions)
        board, record = self.waves.board, self.waves.record
        if not watched:
            board.line("  no alarms in any region yet: nothing to watch during a bake")
        else:
            board.line(f"  bake: {watched} alarms watched for {self.bake:g} s")
            record.say("bake", region=region, seconds=self.bake, alarms=watched)
            self._halt_on(self.gate.bake(self.regions, self.bake), following)
        record.say("wave-baked", region=region)

    def _halt_on(self, firing: Sequence[Alarm], before: str) -> None:
        if firing:
            self._halt(f"before {before}: " + "; ".join(map(str, firing)))

    def _halt(self, why: str) -> None:
        self.waves.record.say("halted", why=why)
        environment = self.gate.environment.name
        raise OperationError(
            f"halted {'in ' if why.startswith('wave') else ''}{why}. Mend it, then"
            f" `richesreach deploy --env {environment} --resume`; see docs/runbooks/deployment-halted.md"
        )
