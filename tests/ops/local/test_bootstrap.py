"""A region is bootstrapped once, whatever became of the stack before."""

from __future__ import annotations

import pytest

from ops.local import deployment
from tests.ops.local.conftest import deploy

PARAMETER = {"Version": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}}


@pytest.mark.usefixtures("local_aws")
def test_region_without_the_stack_of_the_cdk_is_not_bootstrapped() -> None:
    assert not deployment._bootstrapped("ap-southeast-1")


@pytest.mark.usefixtures("local_aws")
def test_region_with_the_stack_of_the_cdk_is_bootstrapped() -> None:
    deploy("eu-west-1", "CDKToolkit", PARAMETER)
    assert deployment._bootstrapped("eu-west-1")
