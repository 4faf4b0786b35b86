"""What every test may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("interop", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("interop")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the project: examples, conformance tests, tables to look facts up."""
    place = os.environ.get("INTEROP_SHARED")
    if not place:
        pytest.skip("INTEROP_SHARED does not name the folder of reference data")
    return Path(place)
