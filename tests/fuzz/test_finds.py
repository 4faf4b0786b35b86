"""What fuzzing has found is not found again; a find is named ``TARGET-...`` after its target."""

from pathlib import Path

import pytest
from fuzz.seeds import seeds
from fuzz.targets import TARGETS

FINDS = sorted(path for path in (Path(__file__).parent / "finds").iterdir() if path.name != "README.md")


def target_of(name: str) -> str:
    return max((target for target in TARGETS if name.startswith(f"{target}-")), key=len)


@pytest.mark.parametrize("path", FINDS, ids=lambda path: path.name)
def test_what_was_found_once_is_not_found_again(path):
    TARGETS[target_of(path.name)](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_breaks_on_what_it_starts_from(target):
    for seed in seeds(target):
        TARGETS[target](seed)
        for cut in range(0, len(seed), max(len(seed) // 10, 1)):
            TARGETS[target](seed[:cut])
            TARGETS[target](seed[:cut] + b"\x00" + seed[cut + 1 :])
