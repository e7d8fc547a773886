"""The walk of a reconstruction: block after block, then all of them against the outputs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import torch
from torch import Generator, Tensor

from ca_deploy.progress import Progress
from ca_deploy.quantization.reconstruction.augmentation import augmented
from ca_deploy.quantization.reconstruction.blocks import blocks, boundary
from ca_deploy.quantization.reconstruction.checkpoint import Checkpoint
from ca_deploy.quantization.reconstruction.importance import importances
from ca_deploy.quantization.reconstruction.learning import learn
from ca_deploy.quantization.reconstruction.network import Passage, advanced, block_error, output_error
from ca_deploy.quantization.reconstruction.settings import Settings
from ca_deploy.quantization.reconstruction.variables import Variables
from ca_deploy.quantization.simulation import Simulation

_SHARE_OF_BLOCKS = 0.5
"""Of the time, at most; the rest is for the outputs, which gain more."""
_IMPORTANCE_IMAGES = 32
_LIMITS = 4
"""Beside so many images of a batch, one at the network's limits."""


@dataclass
class Clock:
    """Seconds that a reconstruction has taken, over all runs, and may take.

    Attributes:
        limit: what it may take.
        before: what runs before this one took.
    """

    limit: float
    before: float = 0.0
    _start: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Taken so far."""
        return self.before + time.monotonic() - self._start

    def within(self, share: float = 1.0) -> bool:
        """Whether less than this share of the limit has passed."""
        return self.seconds < share * self.limit


@dataclass
class Walk:
    """One network on its way.

    Attributes:
        variables: what is learned.
        teacher: simulation of the float32 file as it was before any bias was corrected.
        images: to learn from (N, H, W, C).
        limits: others (L, H, W, C), L possibly 0, at the network's limits, to learn from too: without them
            the steps of activations shrink until they clip what few images need.
        held: others (M, H, W, C), which judge each block.
        settings: how long and how fast.
        clock: when to stop.
        checkpoint: where finished blocks are kept.
        blocks: of the network, see `blocks`.
        kept: for each finished block, whether what it learned was kept.
        rounds: done against the outputs.
    """

    variables: Variables
    teacher: Simulation
    images: Tensor
    limits: Tensor
    held: Tensor
    settings: Settings
    clock: Clock
    checkpoint: Checkpoint
    kept: list[bool] = field(default_factory=list)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.blocks = blocks(self.variables.simulation)
        self._resume()

    def through_blocks(self, progress: Progress) -> None:
        """Learn block after block, from the first that no checkpoint holds, while there is time.

        Nothing when the settings have no rounds for blocks, or a checkpoint is further than that.
        """
        if self.rounds or not self.settings.block_rounds:
            return
        simulation, every, generator = self.variables.simulation, self.blocks, self._generator("images")
        results = [boundary(simulation, block) for block in every]
        weights = importances(self.teacher, self.images[:_IMPORTANCE_IMAGES], results, generator)
        passage = self._first_passage(generator)
        for number, block in enumerate(progress.track(every, len(every), "blocks")):
            result = results[number]
            target = advanced(self.variables, self.teacher, block, result, passage)
            if number >= len(self.kept):
                if not self._learn_block(number, block, passage, target, weights[result]):
                    return
                target = advanced(self.variables, self.teacher, block, result, passage)
            passage = target

    def against_outputs(self, progress: Progress) -> None:
        """Learn biases and steps of the whole network, from the last checkpoint on, while there is time."""
        total, part = self.settings.output_rounds, self.settings.part
        shown = iter(progress.track(range(total), total, "rounds"))
        for _ in range(self.rounds):
            next(shown)
        while self.rounds < total:
            rounds = range(self.rounds, min(self.rounds + part, total))
            done = self._learn_outputs(rounds, shown)
            self.rounds += done
            if done < len(rounds):
                return
            self._save()
        for _ in shown:
            pass

    def _learn_outputs(self, rounds: range, shown: Iterator[int]) -> int:
        """Learn against the outputs for some of the rounds; how many there was time for."""
        generator, settings = self._generator(f"round {rounds.start}"), self.settings

        def images() -> Tensor:
            next(shown)
            drawn = [_some(self.images, settings.batch, generator)]
            if len(self.limits):
                drawn.append(_some(self.limits, max(settings.batch // _LIMITS, 1), generator))
            return augmented(torch.cat(drawn), generator)

        error = output_error(self.variables, self.teacher, images)
        places = range(len(self.variables.simulation.operators))
        return learn(
            self.variables, places, {}, error, rounds, settings.output_rounds, settings, self.clock.within
        )

    def _learn_block(
        self, number: int, block: range, passage: Passage, target: Passage, weight: Tensor
    ) -> bool:
        """Learn one block, and undo that if it is worse on the images held back; whether there was time."""
        variables, settings = self.variables, self.settings
        own, held = slice(None, -len(self.held)), slice(-len(self.held), None)
        before, judged = variables.state(), (passage.part(held), target.part(held))
        error_before = judged[1].error(weight)
        roundings = variables.roundings(block)
        error = block_error(
            variables,
            block,
            passage.part(own),
            target.part(own),
            weight,
            settings,
            self._generator(f"block {number}"),
        )
        total = settings.block_rounds
        done = learn(variables, block, roundings, error, range(total), total, settings, self._time_for_blocks)
        if done < total:
            variables.restore(before)
            return False
        variables.settle({index: one.hard() for index, one in roundings.items()})
        reached = advanced(variables, self.teacher, block, target.source, judged[0])
        self.kept.append(reached.error(weight) < error_before)
        if not self.kept[-1]:
            variables.restore(before)
        self._save()
        return True

    def _time_for_blocks(self) -> bool:
        return self.clock.within(_SHARE_OF_BLOCKS)

    def _first_passage(self, generator: Generator) -> Passage:
        """All images, others made of them, and at the end those held back, as the first block reads them."""
        (source,) = self.variables.simulation.model.inputs
        views = max(self.settings.views // len(self.images), 1)
        more = [augmented(self.images, generator) for _ in range(views - 1)]
        limits = [self.limits] if len(self.limits) else []
        images = torch.cat([*limits, self.images, *more, self.held])
        with torch.no_grad():
            return Passage(source, images, self.variables.steps.store(source, images))

    def _resume(self) -> None:
        """Take up what an earlier run has learned."""
        state = self.checkpoint.load()
        if state is not None:
            self.variables.restore(state["variables"])
            self.kept, self.rounds = list(state["kept"]), int(state["rounds"])
            self.clock.before = float(state["seconds"])

    def _save(self) -> None:
        self.checkpoint.save(
            {
                "variables": self.variables.state(),
                "kept": self.kept,
                "rounds": self.rounds,
                "seconds": self.clock.seconds,
            }
        )

    def _generator(self, part: str) -> Generator:
        """What is random in one part of the walk, whichever run did the parts before it."""
        return Generator().manual_seed(Random(f"{self.settings.seed} {part}").getrandbits(63))


def _some(images: Tensor, count: int, generator: Generator) -> Tensor:
    return images[torch.randint(0, len(images), (count,), generator=generator)]
