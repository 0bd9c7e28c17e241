"""The function runtime: only the documented surface, a time limit, and a process that comes back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.local.edge.distribution import Function
from ops.local.edge.functions import FunctionError, FunctionRuntime, Outcome
from tests.ops.edge.conftest import until

IMPORT = "import cf from 'cloudfront';\n"


@pytest.fixture
async def runtime() -> AsyncIterator[FunctionRuntime]:
    process = FunctionRuntime()
    yield process
    await process.stop()


async def run(
    runtime: FunctionRuntime,
    body: str,
    items: dict[str, str] | None = None,
    name: str = "f",
    before: str = "",
) -> Outcome:
    code = f"{before}async function handler(event) {{\n{body}\n}}"
    return await runtime.run(Function(name, code, None), items, {"request": {"uri": "/"}}, ["a", "b"])


async def value(runtime: FunctionRuntime, expression: str, **options: Any) -> Any:
    return (await run(runtime, f"return {{value: {expression}}};", **options)).output["value"]


ABSENT = ["process", "fetch", "setTimeout", "setInterval", "eval", "Map", "Set", "Proxy", "Reflect", "Intl"]
ABSENT += ["WebAssembly", "URL", "structuredClone", "queueMicrotask", "BigInt", "WeakRef", "escape"]
ABSENT += [
    "''.at",
    "''.localeCompare",
    "[].flat",
    "[].at",
    "Object.fromEntries",
    "Array.from",
    "Buffer.poolSize",
]


@pytest.mark.parametrize("name", ABSENT)
async def test_what_the_guide_does_not_list_is_absent(runtime: FunctionRuntime, name: str) -> None:
    assert await value(runtime, f"typeof {name}") == "undefined"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("require('crypto').createHash('md5').update('a').digest('hex')", "0cc175b9c0f1b6a831c399e269772661"),
        (
            "require('crypto').createHmac('sha1', 'k').update('a').digest('base64url')",
            "QOfUQcrbF7B_BQNBqiOmgg7YHIs",
        ),
        ("require('querystring').parse('a=1&a=2').a", ["1", "2"]),
        ("Buffer.from('hi').toString('base64')", "aGk="),
        ("atob(btoa('x'))", "x"),
        ("new TextDecoder().decode(new TextEncoder().encode('ü'))", "ü"),
        ("Date.now() === new Date().getTime()", True),
        ("'a-b'.replaceAll('-', '+')", "a+b"),
    ],
)
async def test_what_the_guide_lists_works(runtime: FunctionRuntime, expression: str, expected: Any) -> None:
    assert await value(runtime, expression) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("require('fs')", "Cannot find module 'fs'"),
        ("require('crypto').createHash('sha512')", "unsupported hash algorithm sha512"),
        ("return new Function('return 1')()", "Code generation from strings disallowed"),
        ("while (true) {}", "exceeded its time limit"),
        ("while (true) { await null; }", "exceeded its time limit"),
        ("return await new Promise(function () {})", "never settles"),
        ("undefinedName()", r"undefinedName is not defined \(f.js:2\)"),
        ("", "returned nothing"),
    ],
)
async def test_a_failing_function_is_a_503_with_the_reason(
    runtime: FunctionRuntime, body: str, reason: str
) -> None:
    with pytest.raises(FunctionError, match=reason) as failure:
        await run(runtime, body)
    assert failure.value.status == 503


async def test_another_import_than_cloudfront_is_refused(runtime: FunctionRuntime) -> None:
    with pytest.raises(FunctionError, match="is invalid: Cannot use import statement"):
        await run(runtime, "return {};", before="import fs from 'fs';\n")


async def test_runs_share_no_state(runtime: FunctionRuntime) -> None:
    counting = "globalThis.n = (globalThis.n || 0) + 1; return {value: globalThis.n};"
    assert [(await run(runtime, counting)).output["value"] for _ in range(3)] == [1, 1, 1]


async def test_a_store_gives_its_keys_and_throws_for_others(runtime: FunctionRuntime) -> None:
    store = {"k": "v", "j": '{"n": 1}'}
    read = (
        "const kvs = cf.kvs(); let missing = '';"
        "try { await kvs.get('absent'); } catch (e) { missing = e.message; }"
        "const k = await kvs.get('k'); const j = await kvs.get('j', {format: 'json'});"
        "const known = await kvs.exists('k'); return {k: k, n: j.n, known: known, missing: missing};"
    )
    output = (await run(runtime, read, items=store, before=IMPORT)).output
    assert output == {"k": "v", "n": 1, "known": True, "missing": "KeyNotFound: absent"}


async def test_a_changed_store_is_seen_by_the_next_run(runtime: FunctionRuntime) -> None:
    read = "const v = await cf.kvs().get('k'); return {v: v};"
    for expected in ("1", "2"):
        assert (await run(runtime, read, items={"k": expected}, before=IMPORT)).output["v"] == expected


async def test_a_choice_of_origin_is_recorded(runtime: FunctionRuntime) -> None:
    chosen = await run(runtime, "cf.selectRequestOriginById('b'); return event.request;", before=IMPORT)
    assert chosen.origin == {"id": "b"}
    changed = await run(
        runtime, "cf.updateRequestOrigin({domainName: 'x'}); return event.request;", before=IMPORT
    )
    assert changed.origin == {"update": {"domainName": "x"}}


async def test_an_unknown_origin_is_an_error(runtime: FunctionRuntime) -> None:
    with pytest.raises(FunctionError, match="the distribution has no origin c"):
        await run(runtime, "cf.selectRequestOriginById('c'); return event.request;", before=IMPORT)


async def test_the_console_reaches_the_log(
    runtime: FunctionRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(runtime, "console.log('seen ' + event.request.uri); return {};")
    assert "seen /" in capsys.readouterr().out


async def test_a_killed_runtime_is_replaced(runtime: FunctionRuntime) -> None:
    assert await value(runtime, "1") == 1
    first = runtime.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{first}").exists(), "the runtime is gone")
    assert await value(runtime, "2") == 2
    assert runtime.pid != first


async def test_many_calls_at_once_get_their_own_answers(runtime: FunctionRuntime) -> None:
    names = [f"f{n}" for n in range(20)]
    answers = await asyncio.gather(*(value(runtime, f"'{name}'", name=name) for name in names))
    assert answers == names


async def test_a_missing_node_is_named(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match=r"/node does not start"):
        await value(FunctionRuntime(tmp_path / "node"), "1")
