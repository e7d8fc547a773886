"""The options that decide which artifacts are written and how, each defined once for every command.

`export` has a default for each. A command that takes up an earlier export has none: what is not given stays
as it was there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

import typer

from ca_deploy.cli.options import split_list
from ca_deploy.formats import FORMATS
from ca_deploy.precisions import DEFAULT, PRECISIONS

Command = TypeVar("Command", bound=Callable[..., None])

AS_BEFORE = "as exported"
IMAGES = "Images"
WRITTEN = "What is written"
INT8 = "How int8 is made"
CHECKS = "Which clients must run it"


@dataclass(frozen=True)
class ArtifactOption:
    """One option; None when it is not given.

    Attributes:
        flags: as the user writes it; one with a `/` is a switch and its opposite.
        metavar: what stands for its value; None for switches and numbers.
        help: what it says.
        default: what `export` does without it, in words; empty where that goes without saying.
        panel: of the help, that it is listed in.
        kind: type of its value.
        several: its value is a list, split at commas.
    """

    flags: str
    metavar: str | None
    help: str
    default: str
    panel: str
    kind: type = str
    several: bool = False

    @property
    def name(self) -> str:
        """Of the parameter."""
        return self.flags.split("/")[0].removeprefix("--").replace("-", "_")

    def parameter(self, default: str) -> inspect.Parameter:
        """The parameter of a command that does this, in words, without the option."""
        option = typer.Option(
            self.flags,
            metavar=self.metavar,
            help=f"{self.help}; default: {default}." if default else f"{self.help}.",
            callback=split_list if self.several else None,
            show_default=False,
            rich_help_panel=self.panel,
        )
        annotation = Annotated[self.kind | None, option]  # type: ignore[name-defined]  # a type that is a value
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
        )


# Spaces behind commas: help is not broken at commas alone, but cut off.
ARTIFACT_OPTIONS = (
    ArtifactOption(
        "--images", "FOLDER|FILE.npz|noise", "For calibration and parity", "photographs that ship", IMAGES
    ),
    ArtifactOption("--seed", None, "Of the split into calibration and parity images", "0", IMAGES, int),
    ArtifactOption(
        "--formats",
        "LIST",
        f"Some of {', '.join(FORMATS)}",
        "onnx,tflite, and coreml for the target ios",
        WRITTEN,
        several=True,
    ),
    ArtifactOption(
        "--precision", "LIST", f"Some of {', '.join(PRECISIONS)}", ",".join(DEFAULT), WRITTEN, several=True
    ),
    ArtifactOption(
        "--targets", "LIST", "Some of android, x86, web, ios", "the recipe's", WRITTEN, several=True
    ),
    ArtifactOption("--batch", None, "Images that every .tflite takes at once", "1", WRITTEN, int),
    ArtifactOption(
        "--optimize",
        "LEVEL",
        "fast (ranges only), balanced (seconds more) or best (learned for minutes, partly float)",
        "balanced",
        INT8,
    ),
    ArtifactOption(
        "--optimize-minutes", "MINUTES", "How long best may learn for each .tflite", "15", INT8, float
    ),
    ArtifactOption(
        "--adaround/--no-adaround",
        None,
        "Let best learn block by block how weights are rounded, too: twice as long",
        "no",
        INT8,
        bool,
    ),
    ArtifactOption(
        "--ranges",
        "METHOD",
        "Of activations in .tflite: minmax, moving_average, percentile, mse or entropy",
        "minmax",
        INT8,
    ),
    ArtifactOption(
        "--keep-float",
        "LIST|auto:N",
        "Operators of .tflite that stay float32: names (see sensitivity), the N that cost most, or none",
        "none",
        INT8,
        several=True,
    ),
    ArtifactOption(
        "--float-gates/--no-float-gates",
        None,
        "Multiply by gates in float: fastest on x86, and on ARM with float16 arithmetic. With --tune, only "
        "where that is faster",
        "as the recipe says",
        INT8,
        bool,
    ),
    ArtifactOption(
        "--min-runtime", "VERSION", "Oldest TFLite that must run every .tflite, such as 2.14", "none", CHECKS
    ),
    ArtifactOption(
        "--check-clients",
        None,
        "Run every .tflite in an old TFLite and MediaPipe Tasks, too (fetched once)",
        "",
        CHECKS,
        bool,
    ),
)
"""In the order in which help lists them."""


def takes(*names: str, **defaults: str) -> Callable[[Command], Command]:
    """Give a command these of the options in place of its `**chosen`; all of them when none is named.

    Args:
        names: of options.
        defaults: what happens without an option, in words, where that is not what `export` does.
    """
    chosen = [one for one in ARTIFACT_OPTIONS if not names or one.name in names]

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        first = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        shared = [one.parameter(defaults.get(one.name, one.default)) for one in chosen]
        command.__signature__ = own.replace(parameters=[*first, *shared])  # type: ignore[attr-defined]  # inspect's
        return command

    return decorate


def as_before(**others: str) -> Mapping[str, str]:
    """For `takes`: what a command that takes up an earlier export does without each option."""
    return {one.name: AS_BEFORE for one in ARTIFACT_OPTIONS if one.default} | others
