"""The steps of ``richesreach plan``: synthesise, read what it is compared with, compare, write."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from ops import account
from ops.errors import OperationError
from ops.plan import deployed, document, markdown, page, synthesis, text
from ops.plan.form import Form
from ops.plan.report import Plan, Verdict, plan
from stacks.environment import load_environment


def run(console: Console, environment: str, base: str | None, form: Form, output: Path | None) -> Verdict:
    """Writes the plan to ``output``, or prints it, and gives the verdict.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
        UsageError: ``base`` is no revision.
        OperationError: something does not synthesise, or CloudFormation does not answer.
    """
    made = compare(environment, base)
    if form is Form.TEXT and output is None:
        text.show(console, made)
        return made.verdict
    written = _WRITERS[form](made)
    if output is None:
        sys.stdout.write(written)
        return made.verdict
    try:
        output.write_text(written, encoding="utf-8")
    except OSError as error:
        raise OperationError(f"the plan cannot be written to {output}: {error.strerror}") from None
    console.print(document.headline(made), markup=False)
    console.print(f"written to {output}", markup=False)
    return made.verdict


def compare(environment: str, base: str | None) -> Plan:
    """The plan of the working tree against what is deployed, or against a git revision."""
    settings = load_environment(environment)
    if base is not None:
        with synthesis.revision(base) as tree, ThreadPoolExecutor(2) as pool:
            own = pool.submit(synthesis.synthesise, environment, policy=False)
            other = pool.submit(synthesis.synthesise, environment, tree=tree, policy=False)
            return plan(settings, f"revision {base}", other.result(), own.result())
    owner = account.of_caller(environment)
    after = synthesis.synthesise(environment, owner, policy=False)
    before = deployed.read(settings, after.values())
    return plan(settings, "what is deployed", before, after)


def text_of(made: Plan) -> str:
    console = Console(width=160, highlight=False, no_color=True)
    with console.capture() as captured:
        text.show(console, made)
    return captured.get()


def json_of(made: Plan) -> str:
    whole: dict[str, Any] = {
        "headline": document.headline(made),
        "verdict": made.verdict.name,
        "exit_status": int(made.verdict),
        **{field.name: _plain(getattr(made, field.name)) for field in dataclasses.fields(made)},
        "needs_yes": [f"{change.stack}/{change.logical_id}" for change in made.guarded],
        "widened": [_plain(grant) for grant in made.widened],
    }
    return json.dumps(whole, indent=2, default=str) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value


_WRITERS = {Form.TEXT: text_of, Form.JSON: json_of, Form.MARKDOWN: markdown.write, Form.HTML: page.write}
