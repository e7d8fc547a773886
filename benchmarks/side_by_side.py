"""The comparison with other converters, from the subject to the published page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import page
from benchmarks.converted import our_files, rivals_files
from benchmarks.make_subject import Wanted, make_subject
from benchmarks.measured import ARM, PLAIN, Row, measure
from benchmarks.rivals.all_rivals import RIVALS
from benchmarks.session import Session
from ca_deploy.bench.interleave import Effort
from ca_deploy.progress import Progress

TARGETS = ("x86", "android")
OTHERS = (PLAIN, "se_mobilenetv2")  # what coordinate attention is compared with


def run(
    recipe: str,
    weights: Path | None,
    again: Sequence[str],
    effort: Effort,
    out: Path,
    progress: Progress,
) -> None:
    """Convert, measure and publish `results.md`, `results.json` and `results.svg` in `out`."""
    subject = make_subject(Wanted(recipe, weights), progress)
    rows = [Row(subject, made) for made in rivals_files(subject, RIVALS, again, progress)]
    rows += [Row(subject, made) for made in our_files(subject, ("fp32", "int8"), TARGETS, progress)]
    if weights is None:
        for other in OTHERS:
            plain = make_subject(Wanted(other), progress)
            rows += [Row(plain, made) for made in our_files(plain, ("int8",), TARGETS, progress)]
    session = Session.begin(effort, trained=weights is not None)
    measure(rows, effort, ARM, progress)
    page.publish(rows, session.ended(), out)
