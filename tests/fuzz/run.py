"""Fuzz every target for its share of some minutes: ``python -m fuzz.run --minutes 3 [--target path]``.

Guided by coverage where atheris is installed (extra `fuzz`), by hypothesis elsewhere. What breaks a target is
kept in `tests/fuzz/finds/`, which pytest replays. Nothing leaves this machine.
"""

import argparse
import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
FINDS = HERE / "finds"
CORPUS = HERE.parent.parent / "build" / "fuzz"
LONGEST = 4096  # bytes of an input
SLOWEST = 20  # seconds for one input


def main(arguments: Sequence[str]) -> int:
    """Fuzz; returns 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--target", action="append")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        fuzz_one(options.target[0], seconds=options.minutes * 60)
        return 0
    from fuzz.targets import TARGETS  # noqa: PLC0415  a child instruments it first

    names = options.target or list(TARGETS)
    before = set(FINDS.iterdir())
    for name in names:
        command = [sys.executable, "-m", "fuzz.run", "--child", "--target", name]
        done = subprocess.run(
            [*command, "--minutes", str(options.minutes / len(names))],
            check=False,
            capture_output=True,
            text=True,
        )
        tell(f"{name}: {'ok' if done.returncode == 0 else 'FOUND'}  {_last(done.stderr)}")
        if done.returncode:
            tell(done.stderr[-4000:])
    found = sorted(set(FINDS.iterdir()) - before)
    tell("\n".join(f"kept {path.relative_to(HERE.parent.parent)}" for path in found) or "nothing found")
    return int(bool(found))


def fuzz_one(name: str, *, seconds: float) -> None:
    """Fuzz one target in this process, which ends with it."""
    if find_spec("atheris"):
        _with_atheris(name, seconds)
    else:
        _with_hypothesis(name, seconds)


def _with_atheris(name: str, seconds: float) -> None:
    import atheris  # noqa: PLC0415  the extra `fuzz`

    with atheris.instrument_imports(include=["interop"]):
        from fuzz.seeds import seeds  # noqa: PLC0415  instrumented as they are imported
        from fuzz.targets import TARGETS  # noqa: PLC0415
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(name):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    flags = [f"-max_total_time={max(int(seconds), 1)}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}"]
    flags += [f"-artifact_prefix={FINDS / name}-", "-seed=1", "-rss_limit_mb=4096", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], TARGETS[name])
    atheris.Fuzz()


def _with_hypothesis(name: str, seconds: float) -> None:
    from fuzz.seeds import seeds  # noqa: PLC0415
    from fuzz.targets import TARGETS  # noqa: PLC0415
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415  one of the two
    from hypothesis import strategies as st  # noqa: PLC0415

    pieces = st.sampled_from([seed[a : a + 20] for seed in seeds(name) for a in range(0, len(seed), 7)])
    inputs = st.lists(pieces | st.binary(max_size=8), max_size=20).map(b"".join)
    end = time.monotonic() + seconds

    @settings(max_examples=10**9, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def fuzz(content: bytes) -> None:
        if time.monotonic() > end:
            raise KeyboardInterrupt
        try:
            TARGETS[name](content)
        except Exception:
            (FINDS / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}").write_bytes(content)
            raise

    try:
        fuzz()
    except KeyboardInterrupt:
        return


def tell(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _last(text: str) -> str:
    found = [line for line in text.splitlines() if "number_of_executed_units" in line]
    return found[-1].strip() if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
