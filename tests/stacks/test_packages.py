"""What a function's package holds."""

from __future__ import annotations

import ast

from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly

SHARED = ROOT / "lambda" / "shared" / "cloudformation.py"


def test_what_custom_resources_share_is_a_file_of_each_package(prod: Assembly) -> None:
    sharing = [
        index.parent
        for index in prod.folder.glob("asset.*/index.py")
        if any(
            isinstance(node, ast.Import) and node.names[0].name == SHARED.stem
            for node in ast.parse(index.read_text(encoding="utf-8")).body
        )
    ]
    assert len(sharing) == len(list((ROOT / "lambda").glob(f"*/{SHARED.name}"))) - 1, (
        "all but the shared folder"
    )
    for package in sharing:
        packaged = package / SHARED.name
        assert not packaged.is_symlink()
        assert packaged.read_text(encoding="utf-8") == SHARED.read_text(encoding="utf-8")
