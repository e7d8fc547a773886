"""The command line: one thin file per command; heavy imports stay inside functions."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec

import typer

from ca_deploy import __version__
from ca_deploy.cli import (
    bench,
    bundle,
    console,
    doctor,
    evaluate,
    export,
    list_recipes,
    profile,
    quantize,
    sensitivity,
)
from ca_deploy.errors import CaDeployError, StoppedError, UserError

app = typer.Typer(
    name="ca-deploy",
    help="From a PyTorch MobileNet with coordinate attention to verified, quantized mobile models.",
    epilog="Start with: ca-deploy export ca_mobilenetv2_cifar10",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
P = ParamSpec("P")


def interruptible(command: Callable[P, None]) -> Callable[P, None]:
    """Give Ctrl-C an error of ours; Typer would answer it with a message of its own."""

    @wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            raise StoppedError("interrupted; nothing was written") from None

    return guarded


_WRITE, _JUDGE, _USE = "Write artifacts", "Judge them", "Use them"
_COMMANDS: tuple[tuple[str, str, Callable[..., None], str], ...] = (
    (_WRITE, "list", list_recipes.list_recipes, list_recipes.EXAMPLES),
    (_WRITE, "export", export.export, export.EXAMPLES),
    (_WRITE, "quantize", quantize.quantize, quantize.EXAMPLES),
    (_JUDGE, "evaluate", evaluate.evaluate, evaluate.EXAMPLES),
    (_JUDGE, "bench", bench.bench, bench.EXAMPLES),
    (_JUDGE, "profile", profile.profile, profile.EXAMPLES),
    (_JUDGE, "sensitivity", sensitivity.sensitivity, sensitivity.EXAMPLES),
    (_USE, "bundle", bundle.bundle, bundle.EXAMPLES),
    (_USE, "doctor", doctor.doctor, doctor.EXAMPLES),
)
"""Panel of the help, name, function and epilog of each command, in the order of the help."""

for _panel, _name, _command, _examples in _COMMANDS:
    app.command(_name, rich_help_panel=_panel, epilog=_examples)(interruptible(_command))


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ca-deploy {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options of the program itself."""


def main() -> NoReturn:
    """Run the command line; errors become one line and an exit status."""
    signal.signal(signal.SIGTERM, _terminated)
    debug = "--debug" in sys.argv
    try:
        app(standalone_mode=True)
        status = 0
    except CaDeployError as error:
        if debug:
            raise
        console.fail(str(error))
        status = error.exit_status
    except OSError as error:
        if debug:
            raise
        console.fail(f"{error.filename or 'system'}: {error.strerror or error}")
        status = UserError.exit_status
    except Exception as error:  # the last line of defence: no traceback unless asked for
        if debug:
            raise
        console.fail(f"internal error: {type(error).__name__}: {error}; --debug shows where")
        status = CaDeployError.exit_status
    sys.exit(status)


def _terminated(_: int, __: FrameType | None) -> NoReturn:
    """Leave through the same doors as Ctrl-C, so that nothing is left behind."""
    raise KeyboardInterrupt
