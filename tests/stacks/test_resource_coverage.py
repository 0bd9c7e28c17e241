"""Every resource type is tested somehow, and the docs say how."""

from __future__ import annotations

import pytest

from tests.stacks import resource_coverage
from tests.stacks.assembly import Assembly
from tests.stacks.conftest import Synthesise


@pytest.fixture(scope="module")
def assemblies(
    local: Assembly, dev: Assembly, staging: Assembly, prod: Assembly, synthesise: Synthesise
) -> dict[str, Assembly]:
    environment, manifests = resource_coverage.options()
    optioned = synthesise(environment, manifests)
    return {"local": local, "dev": dev, "staging": staging, "prod": prod, "options": optioned}


def test_each_type_is_asserted_in_a_test_of_the_stacks(assemblies: dict[str, Assembly]) -> None:
    asserted = resource_coverage.asserted()
    assert [kind for kind in resource_coverage.types(assemblies) if kind not in asserted] == []


def test_each_type_of_local_is_known_to_the_local_aws(assemblies: dict[str, Assembly]) -> None:
    marks = resource_coverage.fidelities()
    found = resource_coverage.types({"local": assemblies["local"]})
    assert [kind for kind in found if kind not in marks and not kind.startswith("Custom::")] == []


def test_operations_and_tests_that_the_table_names_exist() -> None:
    assert resource_coverage.unknown_operations() == []
    assert resource_coverage.unknown_tests() == []


def test_declared_types_are_types_of_the_platform(assemblies: dict[str, Assembly]) -> None:
    passed = {kind for kinds in resource_coverage.DATA_PLANE.values() for kind in kinds}
    declared = {*resource_coverage.MOTO, *passed}
    assert sorted(declared - resource_coverage.types(assemblies).keys()) == []


def test_committed_table_is_what_the_tests_say(assemblies: dict[str, Assembly]) -> None:
    committed = resource_coverage.PAGE.read_text(encoding="utf-8")
    assert committed == resource_coverage.page(assemblies), "run `make resource-coverage`"
