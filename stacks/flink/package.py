"""The job's package among the assets of a stack."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk

from stacks.flink.contents import fingerprint

#: Prints the path of the package after building it, where it is not there yet.
BUILD = ("python", "-m", "ops.flink")


@dataclass(frozen=True)
class Location:
    """Where the CLI puts the package of a stack."""

    bucket: str
    key: str


def package(stack: cdk.Stack) -> Location:
    """Declares the package: a command makes it, when and where it is uploaded."""
    asset = stack.synthesizer.add_file_asset(
        source_hash=fingerprint(), executable=[*BUILD], display_name="Flink job"
    )
    return Location(asset.bucket_name, asset.object_key)
