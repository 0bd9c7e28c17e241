"""Synthesis needs no account, no network and no lookups, and gives the same bytes everywhere."""

from __future__ import annotations

import filecmp
from pathlib import Path

from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly, run_app, walk

#: The one thing that synthesis says, where nobody told it the account.
NO_ACCOUNT = "CDK_DEFAULT_ACCOUNT is not set: synthesising for 111111111111\n"


def files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_two_clones_synthesise_the_same_bytes(
    prod: Assembly, clones: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    done = run_app(clones[1], {"CDK_CONTEXT_JSON": '{"env": "prod"}', "CDK_OUTDIR": str(other)})
    assert (done.returncode, done.stderr) == (0, NO_ACCOUNT)
    ours, theirs = files(prod.folder), files(other)
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if not filecmp.cmp(ours[name], theirs[name], shallow=False)] == []


def test_synthesis_names_no_path_of_this_machine(prod: Assembly, clones: tuple[Path, Path]) -> None:
    # `asset.*` folders are the sources themselves.
    written = [path for name, path in files(prod.folder).items() if not name.startswith("asset.")]
    found = [path.name for path in written if str(clones[0]) in path.read_text(encoding="utf-8")]
    assert found == []


def test_nothing_was_looked_up(prod: Assembly, clones: tuple[Path, Path]) -> None:
    assert not (ROOT / "cdk.context.json").exists()
    assert not (clones[0] / "cdk.context.json").exists()
    for name, artifact in prod.stacks.items():
        assert artifact.get("missing", []) == [], name
    assert "missing" not in (prod.folder / "manifest.json").read_text()


def test_no_template_holds_a_dummy_of_a_lookup(prod: Assembly) -> None:
    for name, template in prod.templates.items():
        for key, value in walk(template):
            assert "dummy" not in str(value).lower(), f"{name}: {key}"
