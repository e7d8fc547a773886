"""Which operators are learned together: the blocks between a network's narrowest places."""

from __future__ import annotations

from ca_deploy.quantization.simulation import Simulation
from ca_deploy.quantization.simulation.operators import fused_activation

_BOUNDARIES = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD")


def blocks(simulation: Simulation) -> list[range]:
    """Consecutive places of operators that cover the whole graph, in order.

    A block ends behind a layer or sum without activation function whose result alone is read further on, and
    by operators only: in MobileNetV2 behind every residual sum and every linear bottleneck, so that a block
    is an inverted residual as in BRECQ (Li et al., 2021). What has no weights of its own belongs to the block
    before it, and the first operators to the first block that has some.
    """
    weighted, found, start = simulation.weighted(), list[range](), 0
    for place in range(len(simulation.operators)):
        part = range(start, place + 1)
        is_last = place == len(simulation.operators) - 1
        if not (is_last or _narrow(simulation, place)):
            continue
        if any(one in weighted for one in part):
            found.append(part)
        elif found:
            found[-1] = range(found[-1].start, part.stop)
        else:
            continue
        start = part.stop
    return found


def boundary(simulation: Simulation, block: range) -> int:
    """Index of the tensor that a block hands on; the last one's is the graph's first output."""
    alive = _alive(simulation, block.stop - 1)
    return alive.pop() if len(alive) == 1 else simulation.model.outputs[0]


def _narrow(simulation: Simulation, place: int) -> bool:
    operator = simulation.operators[place]
    results = {int(index) for index in operator.outputs}
    makes_a_boundary = simulation.model.kind(operator) in _BOUNDARIES and not fused_activation(operator)
    return (
        makes_a_boundary
        and results.isdisjoint(simulation.model.outputs)
        and _alive(simulation, place) == results
    )


def _alive(simulation: Simulation, place: int) -> set[int]:
    """Tensors written up to an operator and read behind it, or handed to the graph's caller."""
    written = {int(index) for one in simulation.operators[: place + 1] for index in one.outputs}
    read = {index for index, reader in simulation.last_reader.items() if reader > place}
    return (written | set(simulation.model.inputs)) & (read | set(simulation.model.outputs))
