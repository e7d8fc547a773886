"""The comparison with other converters, from the subject to the published page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import page
from benchmarks.converted import Form, our_files, rivals_files
from benchmarks.exact import examine
from benchmarks.make_subject import Wanted, make_subject
from benchmarks.measured import PLAIN, take_times
from benchmarks.rivals.all_rivals import RIVALS
from benchmarks.row import Row
from benchmarks.session import Session
from ca_deploy.bench.interleave import Effort
from ca_deploy.progress import Progress

# Times and sizes do not depend on how ranges and biases were found; `benchmarks accuracy` compares that.
_FAST = ("--optimize", "fast")
X86, ANDROID = Form("x86", "x86", _FAST), Form("android", "android", _FAST)
FLOAT_GATES = Form("x86, float gates", "x86", (*_FAST, "--float-gates"))
ANDROID_FLOAT_GATES = Form("android, float gates", "android", (*_FAST, "--float-gates"))
OTHERS = (PLAIN, "se_mobilenetv2", "cbam_mobilenetv2")  # what coordinate attention is compared with


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        recipe: of the network.
        weights: a trained checkpoint; None for untrained weights.
        again: modules of rivals whose files are to be made again.
        kept: whether our own files of the last run serve.
    """

    recipe: str
    weights: Path | None
    again: Sequence[str]
    kept: bool

    def rows(self, progress: Progress) -> list[Row]:
        """Everybody's files, with the figures that do not depend on how busy the machine is."""
        subject = make_subject(Wanted(self.recipe, self.weights), progress)
        rows = [Row(subject, made) for made in rivals_files(subject, RIVALS, self.again, self.kept, progress)]
        forms = {"fp32": (X86, ANDROID), "int8": (X86, FLOAT_GATES, ANDROID, ANDROID_FLOAT_GATES)}
        for precision, ours in forms.items():
            rows += [Row(subject, made) for made in our_files(subject, precision, ours, self.kept, progress)]
        for other in OTHERS if self.weights is None else ():
            network = make_subject(Wanted(other), progress)
            rows += [Row(network, made) for made in our_files(network, "int8", (X86,), self.kept, progress)]
        examine(rows, progress)
        return rows

    def publish(self, effort: Effort, out: Path, progress: Progress) -> None:
        """Convert, measure and publish `results.md`, `results.json` and `results.svg` in `out`."""
        rows = self.rows(progress)
        session = Session.begin(effort, trained=self.weights is not None)
        take_times(rows, effort, progress)
        page.publish(rows, session.ended(), out)
