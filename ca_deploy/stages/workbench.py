"""One kind of attention block, written in any formulation and measured."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ca_deploy.errors import DeviceError
from ca_deploy.metrics import FloatArray, relative_error, sqnr_db
from ca_deploy.progress import Silent
from ca_deploy.recipe import Formulation, Tolerance

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule

    from ca_deploy.bench.devices import Device, Measurement
    from ca_deploy.exporters.tflite import Converter
    from ca_deploy.quantization.calibration import Calibration
    from ca_deploy.tuning import Trial


@dataclass(frozen=True)
class Kind:
    """Blocks that cost the same, and what the first of them sees.

    Attributes:
        paths: of their modules.
        graph: the first, cut out of the canonical graph.
        calibration: maps that come to it, (C, H, W) float32, as images.
        parity: others, each (1, C, H, W) float32.
    """

    paths: tuple[str, ...]
    graph: GraphModule
    calibration: Calibration
    parity: Sequence[Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the map that comes in."""
        return tuple(self.parity[0].shape)


@dataclass
class Workbench:
    """Writes a kind of block at one precision and measures it on one device.

    Attributes:
        kind: the block.
        precision: of its files, a name in `PRECISIONS`.
        optimize: how int8 is made.
        tolerance: what their outputs must hold against float32.
        device: where they are measured.
        converter: TensorFlow's, in its own process.
    """

    kind: Kind
    precision: str
    optimize: str
    tolerance: Tolerance
    device: Device
    converter: Converter
    _files: dict[str, bytes] = field(default_factory=dict)
    _compared: set[tuple[bytes, bytes]] = field(default_factory=set)
    _counted: dict[bytes, Measurement] = field(default_factory=dict)

    def measure(self, candidate: Formulation, current: Formulation) -> Trial | None:
        """Measure a candidate and what it would replace beside each other.

        Returns:
            None when both make the same file, or these two files were compared before.

        Raises:
            DeviceError: when the device fails, or its measurements cannot be compared.
        """
        files = self._written(candidate), self._written(current)
        if files[0] == files[1] or files in self._compared:
            return None
        self._compared.add(files)
        return self._trial(candidate, files[0], *self._measured(files))

    def _written(self, formulation: Formulation) -> bytes:
        """The block's file, written unless its like was before."""
        from ca_deploy.exporters.onnx import to_onnx, value_name
        from ca_deploy.passes import run_passes
        from ca_deploy.passes.blocks import gate_products
        from ca_deploy.passes.formulations import formulation_passes
        from ca_deploy.quantization.float_gates import with_float_products
        from ca_deploy.quantization.write import at_precision
        from ca_deploy.runtimes.torch_threads import torch_threads

        example = self.kind.parity[0]
        with torch_threads(1):
            graph = run_passes(self.kind.graph, formulation_passes(formulation, {}), [example]).graph
        key = f"{formulation.arithmetic}: {graph.graph}"
        if key not in self._files:
            float32 = self.converter.convert(to_onnx(graph, example).SerializeToString()).data
            products = gate_products(graph, self.kind.paths) if formulation.arithmetic == "float" else []
            names = [value_name(graph, node) for node in products]
            quantized = at_precision(
                self.precision, float32, self.kind.calibration, self.optimize, 1, Silent()
            )
            self._files[key] = with_float_products(quantized.data, names)
        return self._files[key]

    def _measured(self, files: Sequence[bytes]) -> list[Measurement]:
        """Each file beside the others; exact counts repeat, so that they are taken once."""
        new = [data for data in files if data not in self._counted]
        measured = dict(zip(new, self._on_device(new), strict=True))
        self._counted |= {data: one for data, one in measured.items() if one.instructions is not None}
        return [measured[data] if data in measured else self._counted[data] for data in files]

    def _on_device(self, files: Sequence[bytes]) -> list[Measurement]:
        from ca_deploy.bench.interleave import Effort

        effort = Effort(rounds=10, runs=100, seconds=0.2, warm_up_seconds=0.5, cold_start=False)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}.tflite" for number in range(len(files))]
            for path, data in zip(paths, files, strict=True):
                path.write_bytes(data)
            return self.device.measure(paths, [1], effort, Silent())

    def _trial(
        self, formulation: Formulation, data: bytes, measurement: Measurement, current: Measurement
    ) -> Trial:
        from ca_deploy.bench.devices import compare
        from ca_deploy.tuning import Trial

        try:
            ratio = compare(measurement, current)
        except ValueError as error:
            raise DeviceError(
                f"{self.device.name} cannot say which formulation is faster ({error}); tune on another device"
            ) from error
        output = self._outputs(data)
        sqnr = sqnr_db(self._reference, output)
        return Trial(
            formulation, *_cost(measurement), ratio.value, ratio.high, sqnr, self._agrees(output, sqnr)
        )

    def _agrees(self, output: FloatArray, sqnr: float) -> bool:
        bounds = self.tolerance
        close = relative_error(self._reference, output) <= (bounds.max_relative or math.inf)
        return close and sqnr >= (-math.inf if bounds.min_sqnr_db is None else bounds.min_sqnr_db)

    @cached_property
    def _reference(self) -> FloatArray:
        """What the block makes of the maps for parity, (N, C, H, W) float32."""
        import torch

        from ca_deploy.runtimes.torch_threads import torch_threads

        with torch.no_grad(), torch_threads(1):
            return np.concatenate([self.kind.graph(one).numpy() for one in self.kind.parity])

    def _outputs(self, data: bytes) -> FloatArray:
        """What a file makes of the maps for parity, (N, C, H, W) float32."""
        from ca_deploy.runtimes.litert import LiteRT

        (outputs,) = LiteRT(data).run(np.concatenate([one.numpy() for one in self.kind.parity]))
        return outputs.transpose(0, 3, 1, 2)


def _cost(measurement: Measurement) -> tuple[float, str]:
    """What one inference takes, and the unit."""
    if measurement.instructions is not None:
        return float(measurement.instructions.total), "instructions"
    timing = measurement.cpu or measurement.wall
    assert timing is not None  # a device measures one or the other
    return timing.median, "ms"
