"""LiteRT: runs `.tflite` files as an Android app does, on XNNPACK unless asked otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from ca_deploy.errors import UserError
from ca_deploy.runtimes.batches import run_in_batches, to_layout_of
from ca_deploy.runtimes.chatter import quiet_stderr
from ca_deploy.runtimes.protocol import FloatBatch, Quantization, TensorInfo
from ca_deploy.runtimes.sources import label, one_line, only_input, readable


@dataclass(frozen=True)
class Node:
    """One node of the graph as the runtime holds it after delegation.

    Attributes:
        index: its number in the runtime's graph.
        operator: the TFLite name, `DELEGATE` for a partition that a delegate took.
        inputs: the tensors that it reads; those left out by the file are not listed.
        outputs: the tensors that it writes.
    """

    index: int
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class LiteRT:
    """A `.tflite` file, by path or content, on LiteRT.

    Args:
        source: the file or its content.
        threads: how many threads the kernels may use.
        xnnpack: run on XNNPACK, as apps do; off, on TFLite's own kernels, for reference.
        preserve_tensors: keep every intermediate tensor, so that `tensor` can read it after a run.

    Raises:
        UserError: when the file cannot be loaded; from `run` and `bind`, when it does not take one input.
    """

    name = "LiteRT"
    version = version("ai-edge-litert")

    def __init__(
        self,
        source: Path | bytes,
        threads: int = 1,
        *,
        xnnpack: bool = True,
        preserve_tensors: bool = False,
    ) -> None:
        self.delegate = "XNNPACK" if xnnpack else "none"
        self.threads = threads
        self._interpreter = _interpreter(readable(source), threads, xnnpack, preserve_tensors)
        self.inputs = _infos(self._interpreter.get_input_details())
        self.outputs = _infos(self._interpreter.get_output_details())
        self._source = source
        self._asked: dict[int, TensorInfo] = {}

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Every tensor of the main graph, constants and intermediates included."""
        return _infos(self._interpreter.get_tensor_details())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the main graph: the file's own, in their order, then one DELEGATE per partition.

        A node that a delegate took stays listed; the partitions' tensors tell which they are.
        """
        details = self._interpreter._get_ops_details()  # the public interface has no list of nodes
        return tuple(_node(d) for d in details)

    def run(self, batch: FloatBatch) -> tuple[FloatBatch, ...]:
        """Run float32 images (N,C,H,W); see `Runtime.run`."""
        return run_in_batches(self._run, batch, only_input(self.inputs, self._source).shape[0])

    def bind(self, batch: FloatBatch) -> Callable[[], None]:
        """Set the input once and give the bare `invoke`; see `Runtime.bind`."""
        self._set_input(batch)
        invoke: Callable[[], None] = self._interpreter.invoke
        return invoke

    def tensor(self, index: int) -> FloatBatch:
        """A tensor's value after the last batch of the last run, float32, dequantized, in the file's layout.

        Intermediate tensors hold it only with `preserve_tensors`.
        """
        if index not in self._asked:  # asking the interpreter takes longer than reading a tensor
            (self._asked[index],) = _infos([self._interpreter._get_tensor_details(index, 0)])
        return self._asked[index].to_real(self._interpreter.get_tensor(index))

    def _run(self, images: FloatBatch) -> tuple[FloatBatch, ...]:
        self._set_input(images)
        self._interpreter.invoke()
        return tuple(o.to_real(self._interpreter.get_tensor(o.index)) for o in self.outputs)

    def _set_input(self, images: FloatBatch) -> None:
        info = only_input(self.inputs, self._source)
        self._interpreter.set_tensor(info.index, info.to_stored(to_layout_of(info, images)))


def shapes_at(data: bytes, images: int) -> dict[int, tuple[int, ...]]:
    """Sizes of all tensors of a `.tflite` file, by index, when its input takes several images.

    It is run once, because some operators look at their sizes only then.

    Raises:
        ValueError: when LiteRT cannot resize or run it.
    """
    with quiet_stderr():
        interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        for one in interpreter.get_input_details():
            interpreter.resize_tensor_input(one["index"], [images, *one["shape"][1:]])
        try:
            interpreter.allocate_tensors()
            interpreter.invoke()
        except RuntimeError as error:
            raise ValueError(one_line(error)) from error
    details = interpreter.get_tensor_details()
    return {int(one["index"]): tuple(map(int, one["shape"])) for one in details}


def _interpreter(source: Path | bytes, threads: int, xnnpack: bool, preserve_tensors: bool) -> Any:
    resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    model = {"model_path": str(source)} if isinstance(source, Path) else {"model_content": source}
    try:
        with quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that says that preserving tensors costs memory
            interpreter = Interpreter(
                **model,
                num_threads=threads,
                experimental_op_resolver_type=resolver,
                experimental_preserve_all_tensors=preserve_tensors,
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"{label(source)} cannot be loaded by LiteRT: {one_line(error)}; export or copy it again"
        ) from error
    return interpreter


def _infos(details: list[dict[str, Any]]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            name=d["name"],
            shape=tuple(int(n) for n in d["shape"]),
            dtype=np.dtype(d["dtype"]),
            quantization=_quantization(d["quantization_parameters"]),
            index=int(d["index"]),
        )
        for d in details
    )


def _quantization(parameters: dict[str, Any]) -> Quantization | None:
    if not len(parameters["scales"]):
        return None
    return Quantization(
        scales=tuple(float(s) for s in parameters["scales"]),
        zero_points=tuple(int(z) for z in parameters["zero_points"]),
        axis=int(parameters["quantized_dimension"]),
    )


def _node(details: dict[str, Any]) -> Node:
    inputs, outputs = (tuple(int(t) for t in details[k] if t >= 0) for k in ("inputs", "outputs"))
    return Node(int(details["index"]), details["op_name"], inputs, outputs)
