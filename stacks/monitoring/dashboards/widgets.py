"""Widgets that say which region they read, as every dashboard stands in us-east-1."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

#: A dashboard's row is 24 columns wide.
ROW = 24
HEIGHT = 6


def graph(
    title: str, region: str, *metrics: cloudwatch.IMetric, width: int = 6, limit: float | None = None
) -> cloudwatch.GraphWidget:
    """Lines over time; ``limit`` draws the value that matters."""
    return cloudwatch.GraphWidget(
        title=title,
        region=region,
        left=list(metrics),
        left_annotations=[] if limit is None else [cloudwatch.HorizontalAnnotation(value=limit)],
        width=width,
        height=HEIGHT,
    )


def burn_down(title: str, region: str, metric: cloudwatch.IMetric, days: int) -> cloudwatch.GraphWidget:
    """What is left of an error budget, over the whole of its period."""
    return cloudwatch.GraphWidget(
        title=title,
        region=region,
        left=[metric],
        left_y_axis=cloudwatch.YAxisProps(max=100, label="% left", show_units=False),
        left_annotations=[cloudwatch.HorizontalAnnotation(value=0, color=cloudwatch.Color.RED)],
        start=f"-P{days}D",
        end="P0D",
        period=cdk.Duration.hours(1),
        width=ROW // 2,
        height=HEIGHT,
    )


def heading(text: str) -> cloudwatch.TextWidget:
    return cloudwatch.TextWidget(markdown=text, width=ROW, height=1)
