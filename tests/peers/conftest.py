"""These tests compare with programs of others; `make peers` fetches them and says where, in INTEROP_PEERS."""

import os
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("INTEROP_PEERS") else ["*"]


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder with `examples` (JSON) and their `twins` (XML), `cases` (XML) and `made` of them (JSON)."""
    return Path(os.environ["INTEROP_PEERS"])
