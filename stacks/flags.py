"""Feature flags of the CDK; each makes a newer, safer default hold (aws-cdk-lib, "Feature flags")."""

from __future__ import annotations

FLAGS: dict[str, object] = {
    "@aws-cdk/core:defaultCrossStackReferences": "weak",
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-ecs:arnFormatIncludesClusterName": True,
    "@aws-cdk/aws-ecs:removeDefaultDeploymentAlarm": True,
    "@aws-cdk/aws-ecs:reduceEc2FargateCloudWatchPermissions": True,
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "aws:cdk:disable-stack-trace": True,
    # A trace names the folder that jsii made for this run, so that no two syntheses would be the same.
    "aws:cdk:disable-creation-stack-traces": True,
    "aws:cdk:enable-path-metadata": True,
}
