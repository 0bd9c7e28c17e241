"""Records of the processed zone: features and what models are made of."""

from __future__ import annotations

from stacks.datalake.schemas.market import INTERVAL, ORIGIN, STREAM, SYMBOL
from stacks.datalake.schemas.model import Field, Schema

_TIME = Field("timestamp", "timestamp", "the moment the features hold for, UTC")

TECHNICAL_INDICATORS = Schema(
    "technical_indicators",
    "Indicators of an instrument at the close of a bar",
    (
        SYMBOL,
        _TIME,
        INTERVAL,
        Field("sma_20", "double", "simple moving average of 20 closes", nullable=True, minimum=0),
        Field("sma_50", "double", "simple moving average of 50 closes", nullable=True, minimum=0),
        Field("ema_12", "double", "exponential moving average, 12", nullable=True, minimum=0),
        Field("ema_26", "double", "exponential moving average, 26", nullable=True, minimum=0),
        Field("rsi_14", "double", "relative strength index, 14", nullable=True, minimum=0, maximum=100),
        Field("macd", "double", "EMA 12 less EMA 26", nullable=True),
        Field("macd_signal", "double", "EMA 9 of the MACD", nullable=True),
        Field("macd_histogram", "double", "MACD less its signal", nullable=True),
        Field("bollinger_upper", "double", "SMA 20 plus two deviations", nullable=True, minimum=0),
        Field("bollinger_middle", "double", "SMA 20", nullable=True, minimum=0),
        Field("bollinger_lower", "double", "SMA 20 less two deviations", nullable=True),
        Field("vwap_20", "double", "volume-weighted average price of 20 bars", nullable=True, minimum=0),
        Field("realised_volatility_20", "double", "of 20 bars, a share", nullable=True, minimum=0),
        Field("regime", "double", "0 ranging, 1 rising, -1 falling, 2 turbulent", nullable=True),
        *STREAM,
        ORIGIN,
    ),
    key=("symbol", "interval", "timestamp"),
    max_null_share=1,  # the first bars of a series have no long averages yet
)

FUNDAMENTAL_DATA = Schema(
    "fundamental_data",
    "Ratios of a company for a reported period",
    (
        SYMBOL,
        Field("period_end", "date", "last day of the period"),
        Field("pe_ratio", "double", "price to earnings", nullable=True),
        Field("pb_ratio", "double", "price to book", nullable=True),
        Field("roe", "double", "return on equity, 0.15 for 15 %", nullable=True),
        Field("market_cap", "double", "in the currency given", minimum=0),
        Field("currency", "string", "ISO 4217"),
        ORIGIN,
    ),
    key=("symbol", "period_end"),
)

SENTIMENT_SCORES = Schema(
    "sentiment_scores",
    "Sentiment of an instrument over a window",
    (
        SYMBOL,
        _TIME,
        Field("window", "string", "length of the window", values=("1h", "1d", "7d")),
        Field("score", "double", "weighted mean, -1 to 1", minimum=-1, maximum=1),
        Field("statements", "long", "number of statements in it", minimum=0),
        ORIGIN,
    ),
    key=("symbol", "window", "timestamp"),
)

TRAINING_DATA = Schema(
    "training_data",
    "One labelled example, features as they were known at the time",
    (
        Field("example_id", "string", "id of the example"),
        SYMBOL,
        _TIME,
        Field("return_1d", "double", "return of the day before", nullable=True),
        Field("volatility_20", "double", "deviation of 20 daily returns", nullable=True, minimum=0),
        Field("rsi_14", "double", "relative strength index, 14", nullable=True, minimum=0, maximum=100),
        Field("sentiment_1d", "double", "sentiment of the day", nullable=True, minimum=-1, maximum=1),
        Field("label", "double", "return of the day after"),
        Field("split", "string", "part of the walk-forward", values=("train", "validate", "test")),
        ORIGIN,
    ),
    key=("example_id",),
)

MODEL_ARTIFACTS = Schema(
    "model_artifacts",
    "Manifest that stands beside a model's file",
    (
        Field("model", "string", "name in the registry"),
        Field("version", "string", "version in the registry"),
        Field("trained_at", "timestamp", "end of the training, UTC"),
        Field("format", "string", "format of the file", values=("onnx", "lightgbm")),
        Field("file", "string", "key of the model's file in this bucket", nullable=True),
        Field("sha256", "string", "digest of the file", nullable=True),
        Field("features", "string", "its features, separated by commas"),
        ORIGIN,
    ),
    key=("model", "version"),
    max_null_share=1,
)

PREDICTIONS = Schema(
    "predictions",
    "One prediction of a model version",
    (
        Field("prediction_id", "string", "id of the prediction"),
        SYMBOL,
        _TIME,
        Field("model", "string", "name in the registry"),
        Field("version", "string", "version in the registry"),
        Field("horizon", "string", "how far ahead", values=("1h", "1d", "7d")),
        Field("value", "double", "predicted return"),
        Field("confidence", "double", "0 to 1", minimum=0, maximum=1),
        ORIGIN,
    ),
    key=("prediction_id",),
)
