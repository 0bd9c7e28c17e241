"""The files' columns are those of the tables over them, in name, order and type."""

import lakes
import pytest
from richesreach.core.events.topics import TOPICS
from richesreach.history.lake import layouts, parquet
from richesreach.history.lake.layouts import LAYOUTS, Layout
from richesreach.history.lake.rows import Rows
from richesreach.stream.definitions import INDICATORS

from stacks.datalake.schemas import DATASETS, Dataset

# What a Glue type is to whoever reads the file.
TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "decimal(28,8)": "DECIMAL(28,8)",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}


def dataset(layout: Layout) -> Dataset:
    (found,) = [each for each in DATASETS if each.name == layout.dataset]
    return found


def by_dataset(layout: Layout) -> str:
    return layout.dataset


@pytest.mark.parametrize("layout", LAYOUTS, ids=by_dataset)
def test_a_file_has_the_columns_and_types_of_its_table(layout: Layout) -> None:
    body = parquet.of_rows(Rows(layout, "live", {}))
    table = {each.name: TYPES[each.parquet_type] for each in dataset(layout).schema.fields}
    assert list(lakes.schema_of(body).items()) == list(table.items())


@pytest.mark.parametrize("layout", LAYOUTS, ids=by_dataset)
def test_files_and_manifests_are_where_the_table_looks(layout: Layout) -> None:
    found = dataset(layout)
    assert (layout.prefix, layout.manifests, found.format) == (found.prefix, found.manifests, "parquet")


@pytest.mark.parametrize("layout", LAYOUTS, ids=by_dataset)
def test_a_row_is_one_by_the_schemas_key(layout: Layout) -> None:
    assert layout.unique == dataset(layout).schema.key
    assert layout.topic in TOPICS


def test_every_parquet_dataset_has_a_writer() -> None:
    written = {layout.dataset for layout in LAYOUTS}
    assert written == {each.name for each in DATASETS if each.format == "parquet"}


def test_the_lake_has_every_indicator_of_the_stream() -> None:
    assert tuple(each.name for each in INDICATORS) == layouts.INDICATORS
