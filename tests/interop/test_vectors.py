"""Every value of every vector file, computed by the second implementation."""

from pathlib import Path

import pytest

from tests.interop.programs import Values, program

VECTORS = Path(__file__).parents[1] / "vectors"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Values:
    with program(tmp_path_factory.mktemp("vectors")) as one:
        found: Values = one.do("vectors", folder=str(VECTORS))
        return found


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_the_same(name: str, compared: Values) -> None:
    assert compared[name]["differences"] == []
    assert compared[name]["compared"] > 0
