"""What REST takes and answers. Values are floats: what models are given, to the bit; null is no value."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from richesreach.features.online import MOST_ENTITIES
from richesreach.features.selection import MOST_NAMES
from richesreach.features.views import View

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Names = Annotated[list[Name], Field(min_length=1, max_length=MOST_NAMES, examples=[["price", "rsi_14_1m"]])]
EntityName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Entities = Annotated[list[EntityName], Field(min_length=1, max_length=MOST_ENTITIES, examples=[["AAPL"]])]
# Nanoseconds do not fit the numbers of JSON's readers.
Moment = Annotated[str, Field(examples=["2026-01-05T14:30:00.000000001Z"])]


class Asked(BaseModel):
    """`extra` is forbidden in what comes in: a misspelt member is told, not passed over."""

    model_config = ConfigDict(extra="forbid")


class AskOnline(Asked):
    features: Names
    entities: Entities


class Row(BaseModel):
    """`event_time` is that of the oldest value; `values` are in the order of `features`."""

    entity: str
    event_time: Moment
    age_seconds: float
    values: list[float | None]


class Online(BaseModel):
    entity: Literal["symbol", "portfolio"]
    features: list[str]
    rows: list[Row]
    unknown: list[str]


class Feature(BaseModel):
    """Validation finds a value outside of [lowest, highest]; null there is no bound."""

    name: str
    unit: str
    meaning: str
    lowest: float | None
    highest: float | None
    nulls: float


class FeatureView(BaseModel):
    """`layout` numbers the packed vector that has these features, `live` says that the stream writes it."""

    name: str
    entity: Literal["symbol", "portfolio"]
    meaning: str
    live: bool
    stale_after_seconds: int
    ttl_seconds: int
    layout: str
    features: list[Feature]

    @classmethod
    def of(cls, view: View) -> "FeatureView":
        features = [
            Feature(
                name=one.name,
                unit=one.unit,
                meaning=one.meaning,
                lowest=one.lowest,
                highest=one.highest,
                nulls=one.nulls,
            )
            for one in view.features
        ]
        return cls(
            name=view.name,
            entity=view.entity,
            meaning=view.meaning,
            live=view.live,
            stale_after_seconds=view.stale_after,
            ttl_seconds=view.ttl,
            layout=f"{view.layout.number:016x}",
            features=features,
        )


class FeatureViews(BaseModel):
    views: list[FeatureView]
