"""Each image that a task definition names is in the region's registry, or can be built and pushed there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_ECR = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)[:@](?P<tag>.+)$"
)
_MISSING = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


@dataclass(frozen=True, order=True)
class Image:
    """``tag`` is a tag, or a digest that starts with ``sha256:``."""

    account: str
    region: str
    repository: str
    tag: str


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """A result for each image and region."""
    builder = shutil.which(os.environ.get("CDK_DOCKER", "docker"))
    images = sorted(_images(site))
    if not images:
        yield report.ok("no image of the account's registry is named")
    for image in images:
        known = f"{image.repository}:{image.tag[:12]}"
        if _present(site, image):
            yield report.ok(f"{known} is there", image.region)
        elif builder:
            yield report.ok(f"{known} is not there; the deployment builds and pushes it", image.region)
        else:
            yield report.failed(
                f"{known} is not there, and there is no docker to build it",
                "install Docker or name a stand-in in CDK_DOCKER, or deploy where CI has pushed it",
                image.region,
            )


def _images(site: Site) -> set[Image]:
    found = set()
    for task in site.resources("AWS::ECS::TaskDefinition"):
        for container in task.properties["ContainerDefinitions"]:
            match = _ECR.match(_text(container["Image"]))
            if match:
                found.add(Image(**match.groupdict()))
    return found


def _text(image: Any) -> str:
    return str(image["Fn::Sub"]) if isinstance(image, dict) and "Fn::Sub" in image else str(image)


def _present(site: Site, image: Image) -> bool:
    key = "imageDigest" if image.tag.startswith("sha256:") else "imageTag"
    try:
        site.client("ecr", image.region).describe_images(
            registryId=site.account, repositoryName=_own(site, image), imageIds=[{key: image.tag}]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return False
        raise
    return True


def _own(site: Site, image: Image) -> str:
    """The CDK's repository is called after the account: the placeholder's where synthesised without one."""
    return image.repository.replace(image.account, site.account or image.account)
