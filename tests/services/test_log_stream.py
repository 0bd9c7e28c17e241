"""Where log lines go: one write a turn of the event loop, and none is lost."""

import asyncio
import io
import subprocess
import sys
import threading

from gateway_task import SERVICES
from richesreach.core.log_stream import Turns


class Out(io.StringIO):
    """Counts writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def say(turns: Turns, line: str) -> None:
    turns.write(line)
    turns.flush()


async def test_the_lines_of_one_turn_are_one_write_in_their_order() -> None:
    out = Out()
    turns = Turns(out)
    for number in range(5):
        say(turns, f"{number} ")
    assert out.writes == 0
    await asyncio.sleep(0)
    assert (out.writes, out.getvalue()) == (1, "0 1 2 3 4 ")


def test_without_a_loop_a_line_is_written_at_once() -> None:
    out = Out()
    say(Turns(out), "line")
    assert out.getvalue() == "line"


def test_a_loop_that_ended_before_its_turn_keeps_no_later_line_back() -> None:
    out = Out()
    turns = Turns(out)
    for name in ("one ", "two "):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_say_last(turns, name))
        loop.close()
    say(turns, "three")
    assert out.getvalue() == "one two three"


async def _say_last(turns: Turns, line: str) -> None:
    say(turns, line)


async def test_lines_of_other_threads_are_all_there() -> None:
    out = Out()
    turns = Turns(out)
    threads = [threading.Thread(target=lambda: [say(turns, "x") for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(500):
        say(turns, "y")
        await asyncio.sleep(0)
    for thread in threads:
        thread.join()
    assert (out.getvalue().count("x"), out.getvalue().count("y")) == (2000, 500)


def test_an_interpreter_that_ends_with_an_error_writes_what_was_said() -> None:
    program = """
import asyncio, sys
from richesreach.core.log_stream import Turns

async def main():
    turns = Turns(sys.stdout)
    turns.write("last words")
    turns.flush()
    raise SystemExit(3)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SERVICES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "last words")
