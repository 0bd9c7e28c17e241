"""The Node of a synthesis is started directly, answers as jsii's own does, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.node import NODE
from tests.stacks.node_scripts import BEGIN, CONNECT, run

#: Two threads ask for different things at the same time.
THREADS = (
    CONNECT
    + """
from threading import Thread
right = []
def ask(first):
    numbers = range(first, first + 200)
    right.append([cdk.Duration.seconds(number).to_seconds() for number in numbers] == list(numbers))
threads = [Thread(target=ask, args=(first,)) for first in (1, 1001)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(right)
node.leave(0)
"""
)


def test_node_is_started_without_a_script_in_between() -> None:
    assert NODE.read_bytes()[:4] == b"\x7fELF"


def test_node_that_is_not_there_is_refused_by_name() -> None:
    done = run(BEGIN, {"JSII_NODE": "/nowhere/node"})
    assert "ConfigurationError: JSII_NODE: /nowhere/node: No such file or directory; unset it" in done.stderr


def test_program_that_is_no_node_is_refused_by_name() -> None:
    done = run(CONNECT, {"JSII_NODE": "/bin/false"})
    assert "ConfigurationError: JSII_NODE: /bin/false does not run jsii; unset it" in done.stderr


def test_one_node_runs_and_no_second_hands_its_messages_on() -> None:
    children = 'open(f"/proc/{process}/task/{process}/children").read().split()'
    script = f"""
import os
process = os.getpid()
children = {children}
print(children == [str(node.pid)])
process = node.pid
print({children})
node.leave(0)
"""
    assert run(CONNECT + script).stdout.splitlines() == ["True", "[]"]


@pytest.mark.parametrize("end", ["node.leave(3)", "raise SystemExit(3)"])
def test_status_is_kept_and_neither_a_process_nor_a_file_is_left(end: str, tmp_path: Path) -> None:
    done = run(CONNECT + f"cdk.App()\nprint(node.pid)\n{end}", {"TMPDIR": str(tmp_path)})
    assert done.returncode == 3, done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
    assert list(tmp_path.iterdir()) == []


def test_what_node_prints_is_printed() -> None:
    app = "app = cdk.App()\ncdk.CfnOutput(cdk.Stack(app, 'Stack'), 'Output', value='')\n"
    assert "validation-report.json" in run(CONNECT + app + "app.synth()\nnode.leave(0)").stderr


def test_argument_of_the_wrong_type_is_refused_by_its_name() -> None:
    done = run(CONNECT + 'cdk.Stack(cdk.App(), "Stack", description=3)')
    assert "TypeError: type of argument description must be" in done.stderr


def test_refusal_of_the_cdk_arrives_with_its_words() -> None:
    done = run(CONNECT + "cdk.Duration.seconds(-1)")
    assert "Duration amounts cannot be negative. Received: -1" in done.stderr


def test_threads_get_the_answers_to_their_own_questions() -> None:
    done = run(THREADS)
    assert done.stdout == "[True, True]\n", done.stderr
