"""One route of a benchmark with all its figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.converted import Converted
from benchmarks.subject import Subject
from ca_deploy.bench.devices import Measurement
from ca_deploy.metrics import Parity

_OUR_SUFFIXES = (".tflite", ".onnx")  # what our own adapters run


@dataclass
class Row:
    """One route with its figures; what does not apply, or could not be had, is None or missing.

    Attributes:
        subject: what was converted.
        converted: the file.
        xnnpack: nodes, delegated nodes, partitions, and what stays outside.
        parity: against PyTorch, on images that nobody calibrated on.
        measurement: on this machine.
        cpu: processor time on this machine, milliseconds, one thread.
        ratios: of our file in a form, of the same subject and precision, over this one: value, low, high.
        over_plain: ours only: processor time over that of ours without attention for the same target.
        instructions: of one inference, by emulated core.
        notes: what is doubtful or went wrong.
    """

    subject: Subject
    converted: Converted
    xnnpack: dict[str, Any] | None = None
    parity: Parity | None = None
    measurement: Measurement | None = None
    cpu: dict[str, Any] | None = None
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    over_plain: dict[str, float] | None = None
    instructions: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path | None:
        """Where the file lies; None when there is none."""
        return self.converted.file

    @property
    def runs_on_ours(self) -> bool:
        """Whether the runtimes that `ca_deploy` knows run the file."""
        return self.file is not None and self.file.suffix in _OUR_SUFFIXES

    def document(self) -> dict[str, Any]:
        """For JSON."""
        made = self.converted
        return {
            "route": made.name,
            "form": made.form,
            "network": Path(self.subject.recipe).stem,
            "input": list(self.subject.sample().shape[2:]),
            "precision": made.precision,
            "skipped": made.skipped,
            "versions": made.versions,
            "conversion_seconds": asdict(made.cost) if made.cost else None,
            "bytes": self.file.stat().st_size if self.file else None,
            "parity": asdict(self.parity) if self.parity else None,
            "xnnpack": self.xnnpack,
            "runtime": self.measurement.runtime if self.measurement else None,
            "cpu_ms": self.cpu,
            "ours_over_this": self.ratios,
            "over_no_attention": self.over_plain,
            "arm_instructions": self.instructions,
            "notes": self.notes,
        }

    @property
    def name(self) -> str:
        """How progress and notes call it."""
        form = f" for {self.converted.form}" if self.converted.form else ""
        return f"{self.converted.name}{form} ({self.converted.precision})"
