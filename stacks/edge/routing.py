"""The viewer-request function and the KeyValueStore whose flags it obeys."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from stacks.base import Site
from stacks.errors import ConfigurationError
from stacks.regions import REGIONS
from stacks.yaml_file import ROOT, relative

SOURCE = ROOT / "lambda" / "functions" / "viewer_request.js"

#: Quota of a CloudFront Function, in bytes.
FUNCTION_LIMIT = 10_240


class ViewerRequestRouting(Construct):
    """Two keys decide at once and without a deployment: ``drained``, a comma-separated list of regions that
    get nothing, and ``writer``, the region that takes writes (absent: the viewer's own)."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, protected: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        self.store = cloudfront.KeyValueStore(
            self,
            "Store",
            key_value_store_name=site.names.routing_store,
            comment="Drain flags and the sticky writer",
        )
        self.function = cloudfront.Function(
            self,
            "ViewerRequest",
            function_name=site.names.viewer_request_function(),
            comment="Normalises the path, blocks what is internal, chooses the origin",
            runtime=cloudfront.FunctionRuntime.JS_2_0,
            code=cloudfront.FunctionCode.from_inline(
                function_code(sorted(site.environment.regions), protected)
            ),
            key_value_store=self.store,
            auto_publish=True,
        )


def function_code(regions: list[str], protected: Sequence[str]) -> str:
    """The function's source with the places of this environment's regions and the protected paths in it.

    Raises:
        ConfigurationError: the code exceeds what CloudFront takes.
    """
    places = {region: list(REGIONS[region].location) for region in regions}
    code = SOURCE.read_text(encoding="utf-8")
    for placeholder, value in (("__REGIONS__", places), ("__PROTECTED__", list(protected))):
        code = code.replace(placeholder, json.dumps(value, separators=(",", ":")))
    if len(code.encode()) > FUNCTION_LIMIT:
        raise ConfigurationError(
            relative(SOURCE),
            "",
            f"{len(code.encode())} bytes exceed {FUNCTION_LIMIT}",
            "shorten the function",
        )
    return code
