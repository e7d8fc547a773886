"""`ca-deploy bench`: how long artifacts take where they will run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ca_deploy.cli import console, options

if TYPE_CHECKING:
    from ca_deploy.bench.run import BenchResult
    from ca_deploy.progress import Progress

EXAMPLES = """
[bold]Examples[/]

  ca-deploy bench build/ca_mobilenetv2_cifar10
      every artifact of an export on this machine, in turn

  ca-deploy bench model_int8.tflite --device local --device emulated:cortex-a76 --threads 1,2
      times on this machine, exact instruction counts on an emulated ARM core

  ca-deploy bench build/ca_mobilenetv2_cifar10 --device browser --threads 1,2,4
      in the browser of a phone in the same network; browser:adb over a cable

  ca-deploy bench build/mine --device ssh://pi@raspberrypi.local --threads 1,4
      on a Raspberry Pi; everything that is needed is sent there and removed afterwards

  ca-deploy bench build/mine --device adb --threads 1,4 --cool-down 120
      on the Android phone that adb sees

  ca-deploy bench build/new --against build/old --fail-above 1.05
      both versions in turn in one session; exit status 3 when one became more than 5 % slower

  ca-deploy bench build/new --out results/ --json
      the results as JSON, and as a file in a folder of results
"""


_EFFORT = "How often, and on how many threads"
_COMPARISON = "Comparing and keeping"
_DEVICES = "Phones and other machines"


def bench(
    places: Annotated[
        list[Path], typer.Argument(metavar="DIR|FILE...", help="Artifacts, or folders of them.")
    ],
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="local (default), ssh://USER@HOST[:PORT], adb[:SERIAL], browser[:HOST[:PORT]], "
            "browser:adb[:SERIAL], or "
            "emulated:CORE (cortex-a53, cortex-a72, cortex-a76); may be repeated.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        str,
        typer.Option(
            "--threads", rich_help_panel=_EFFORT, metavar="LIST", help="Numbers of threads, such as 1,2,4."
        ),
    ] = "1",
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            rich_help_panel=_COMPARISON,
            metavar="BASELINE",
            help="A model or folder to measure in turn with the artifacts, or an earlier run's JSON.",
            show_default=False,
        ),
    ] = None,
    fail_above: Annotated[
        float | None,
        typer.Option(
            "--fail-above",
            rich_help_panel=_COMPARISON,
            metavar="RATIO",
            callback=options.finite,
            help="Exit with status 3 when an artifact takes more than this ratio of its baseline, "
            "or could not be compared.",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option("--runs", rich_help_panel=_EFFORT, min=2, help="Fewest runs of each artifact.")
    ] = 50,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            rich_help_panel=_EFFORT,
            min=0,
            callback=options.finite,
            help="Shortest time to run each.",
        ),
    ] = 1.0,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            rich_help_panel=_DEVICES,
            help="browser: plain HTTP, hence WebAssembly on one thread, no WebGPU.",
        ),
    ] = False,
    benchmark_binary: Annotated[
        Path | None,
        typer.Option(
            "--benchmark-binary",
            rich_help_panel=_DEVICES,
            help="adb: TFLite's benchmark_model for the phone, to measure with instead of our runner.",
            show_default=False,
        ),
    ] = None,
    cool_down: Annotated[
        float,
        typer.Option(
            "--cool-down",
            rich_help_panel=_DEVICES,
            min=0,
            callback=options.finite,
            help="Longest seconds to let a remote device cool between sessions.",
        ),
    ] = 0.0,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            rich_help_panel=_DEVICES,
            min=1,
            callback=options.finite,
            help="Longest seconds for one session on a remote device.",
        ),
    ] = 600.0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            rich_help_panel=_COMPARISON,
            help="Folder of results, which gets one more JSON file.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure latency, memory and load time of artifacts on devices, and compare with a baseline."""
    from ca_deploy.bench.devices import DeviceOptions
    from ca_deploy.bench.interleave import Effort
    from ca_deploy.bench.results import check_folder
    from ca_deploy.bench.run import run
    from ca_deploy.errors import UserError
    from ca_deploy.progress import on_terminal
    from ca_deploy.report import bench_table

    if fail_above is not None and against is None:
        raise UserError("--fail-above: needs a baseline; add --against")
    if out is not None:
        check_folder(out)
    effort = Effort(rounds=min(10, runs), runs=runs, seconds=seconds)
    with on_terminal(quiet or json) as progress:
        results = run(
            places,
            device or ["local"],
            options.positive_numbers("--threads", threads),
            effort,
            progress,
            against=against,
            options=DeviceOptions(
                benchmark_binary=benchmark_binary,
                cool_down_seconds=cool_down,
                timeout_seconds=timeout,
                insecure=insecure,
            ),
        )
        result = _last(results, out, progress)
    for warning in bench_table.warnings(result, fail_above):
        console.warn(warning)
    if json:
        console.show_json(result.document())
    else:
        for renderable in bench_table.tables(result, fail_above):
            console.show(renderable)
    _end(result, fail_above)


def _last(results: Iterator[BenchResult], out: Path | None, progress: Progress) -> BenchResult:
    """The whole run's result; saves behind each device, because the next may fail, or be stopped."""
    from ca_deploy.bench.results import save
    from ca_deploy.errors import StoppedError

    saved: Path | None = None
    try:
        for result in results:
            if out is not None:
                saved = save(result.document(), out, saved)
    except KeyboardInterrupt:
        if saved is None:
            raise
        raise StoppedError(f"interrupted; the devices before are in {saved}") from None
    if saved is not None:
        progress.note(f"results: {saved}")
    return result


def _end(result: BenchResult, limit: float | None) -> None:
    """Say what failed, and exit with its status."""
    from ca_deploy.errors import DeviceError, VerificationError
    from ca_deploy.report import bench_table

    unproved = bench_table.unproved(result, limit)
    crashed = [f"{result.names[file]}: {why}" for file, why in result.failing.items()]
    failed = [*crashed, *(session.error for session in result.sessions if session.error)]
    for line in (*unproved, *failed):
        console.fail(line)
    if failed or unproved:
        raise typer.Exit((DeviceError if failed else VerificationError).exit_status)
