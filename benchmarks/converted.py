"""Everybody's files of a subject: rivals' from the cache or their environments, ours anew or as left."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.environments import (
    CHECKOUT,
    SkippedError,
    benchmark_cache,
    complaint,
    digest,
    environment,
    run_inside,
)
from benchmarks.rivals.rival import Rival, Route
from benchmarks.subject import Subject
from benchmarks.worker import LONGEST
from ca_deploy.artifact import MANIFEST, write_json
from ca_deploy.progress import Progress
from ca_deploy.runtimes.cache import cached

_RECORD = "record.json"
_REJECTED = 3  # exit status of an export whose artifact stayed below its tolerance


@dataclass(frozen=True)
class Cost:
    """What a conversion took, from starting Python to its end, in seconds.

    Attributes:
        wall: time that passed, which other work on the machine stretches.
        cpu: processor time of all its threads and processes, which it stretches far less.
    """

    wall: float
    cpu: float


@dataclass(frozen=True)
class Converted:
    """What came of one route.

    Attributes:
        name: of the route.
        precision: `fp32` or `int8`.
        file: what it wrote; None when it was skipped.
        cost: what making it took; ours includes verifying the file.
        versions: of what wrote it.
        skipped: why there is no file.
        form: the label of our form; None for rivals.
        rival: whose file it is; None for ours.
    """

    name: str
    precision: str
    file: Path | None = None
    cost: Cost | None = None
    versions: dict[str, str] = field(default_factory=dict)
    skipped: str | None = None
    form: str | None = None
    rival: Rival | None = None


@dataclass(frozen=True)
class _Record:
    """What a conversion leaves beside its file in the cache."""

    cost: Cost
    versions: dict[str, str]
    failure: str | None


def rivals_files(
    subject: Subject, rivals: Sequence[Rival], again: Sequence[str], kept: bool, progress: Progress
) -> list[Converted]:
    """Every rival's files; those that are in the cache are taken from there.

    Args:
        subject: what to convert.
        rivals: who takes part.
        again: modules of rivals whose files are to be made again.
        kept: make no others, and skip what is not in the cache.
        progress: shows which one is at work.
    """
    return [
        _rivals_file(subject, rival, route, rival.module in again, kept, progress)
        for rival in rivals
        for route in rival.routes
    ]


def _rivals_file(
    subject: Subject, rival: Rival, route: Route, again: bool, kept: bool, progress: Progress
) -> Converted:
    progress.step(f"Converting with {route.name} ({route.precision})")
    here = Path(__file__).parent
    sources = (here / "rivals" / f"{rival.module}.py", here / "published.py")
    digested = digest(*(source.read_text() for source in sources))
    route_name = f"{Path(route.file).stem}-{digested}{_batched(subject)}"
    name = f"benchmarks/converted/{subject.folder.name}/{route_name}"
    folder = benchmark_cache().parent / name
    if again:
        shutil.rmtree(folder, ignore_errors=True)
    base = Converted(route.name, route.precision, rival=rival)
    try:
        place = environment(rival.module, rival.requirements)
        if kept and not again and not folder.is_dir():
            raise SkippedError("not converted yet: `python -m benchmarks convert` does")
        cached(name, lambda empty: _convert(subject, rival, route, place, empty))
    except SkippedError as reason:
        return replace(base, skipped=str(reason))
    record = _read_record(folder)
    if record.failure:
        return replace(base, skipped=f"does not convert it: {record.failure}", versions=record.versions)
    return replace(base, file=folder / route.file, cost=record.cost, versions=record.versions)


def _convert(subject: Subject, rival: Rival, route: Route, place: Path, folder: Path) -> None:
    stop = _stopwatch()
    what = (rival.module, route.file, subject.recipe, str(subject.folder), str(subject.batch))
    done = run_inside(place, "benchmarks.worker", *what, str(folder))
    cost = stop()
    if done.returncode == -signal.SIGXCPU:
        failure: str | None = f"it did not finish within {LONGEST} minutes of processor time"
    elif done.returncode < 0:  # not its own failure, so not worth keeping: the next run tries again
        raise SkippedError(f"was ended by {signal.Signals(-done.returncode).name} while converting")
    else:
        failure = complaint(done.stderr) if done.returncode else None
    versions = dict(r.split("==") if "==" in r else r.split(" @ ") for r in rival.requirements)
    write_json(folder / _RECORD, asdict(_Record(cost, versions, failure)))


def _read_record(folder: Path) -> _Record:
    values = json.loads((folder / _RECORD).read_text())
    return _Record(**values | {"cost": Cost(**values["cost"])})


def _stopwatch() -> Callable[[], Cost]:
    """Started now; a call says what the processes that ended since then took."""
    wall, cpu = time.perf_counter(), _cpu_of_children()
    return lambda: Cost(time.perf_counter() - wall, _cpu_of_children() - cpu)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Form:
    """One way of ours to write a network.

    Attributes:
        label: as the tables call it.
        target: of `ca-deploy export`.
        options: further ones.
    """

    label: str
    target: str
    options: tuple[str, ...] = ()


def our_files(
    subject: Subject, precision: str, forms: Sequence[Form], kept: bool, progress: Progress
) -> list[Converted]:
    """What `ca-deploy export` writes, one process per file as for the rivals.

    Args:
        subject: what to export.
        precision: of the files.
        forms: how.
        kept: take what the last run left instead of exporting anew.
        progress: shows which one is at work.
    """
    return [_our_file(subject, precision, form, kept, progress) for form in forms]


def _our_file(subject: Subject, precision: str, form: Form, kept: bool, progress: Progress) -> Converted:
    name = f"{form.target}{''.join(form.options)}-{precision}"
    folder = benchmark_cache() / "ours" / subject.folder.name / name
    if not (kept and (folder / _RECORD).is_file()):
        progress.step(f"Exporting {subject.recipe} for {form.label} ({precision})")
        _export(subject, precision, form, folder)
    base = Converted("ca-deploy", precision, form=form.label, versions={"ca-deploy": version_of_ours()})
    record = _read_record(folder)
    if record.failure:
        return replace(base, skipped=f"failed: {record.failure}")
    (file,) = folder.rglob(f"model_{precision}.tflite")
    return replace(base, file=file, cost=record.cost)


def _export(subject: Subject, precision: str, form: Form, folder: Path) -> None:
    """Fill `folder` with an export, and a record of what it took."""
    if not (folder / MANIFEST).is_file():  # what a failure left is no export that --overwrite replaces
        shutil.rmtree(folder, ignore_errors=True)
    options = (
        "--precision",
        precision,
        "--targets",
        form.target,
        "--out",
        str(folder),
        "--overwrite",
        "--quiet",
    )
    command = (sys.executable, "-m", "ca_deploy", "export", subject.recipe)
    size = "x".join(map(str, subject.sample().shape[2:]))
    stop = _stopwatch()
    done = subprocess.run(
        (*command, "--weights", str(subject.weights), "--input-size", size, *options, *form.options),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = done.returncode not in (0, _REJECTED)
    record = _Record(stop(), {}, complaint(done.stderr) if failed else None)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / _RECORD, asdict(record))


def our_files_at_once(subject: Subject, forms: Sequence[Form], kept: bool) -> list[Converted]:
    """The int8 files of one export for several targets, in this process, where what it took does not count.

    Args:
        subject: what to export.
        forms: of different targets, all without options.
        kept: take what the last run left instead of exporting anew.
    """
    import ca_deploy

    folder = benchmark_cache() / "ours" / subject.folder.name / f"at-once{_batched(subject)}"
    if not (kept and (folder / MANIFEST).is_file()):
        ca_deploy.export(
            subject.recipe,
            weights=subject.weights,
            input_size="x".join(map(str, subject.sample().shape[2:])),
            precision=["int8"],
            targets=[form.target for form in forms],
            optimize="fast",
            batch=subject.batch,
            out=folder,
            overwrite=True,
        )
    files = [folder / f"model_int8{'' if form is forms[0] else f'.{form.target}'}.tflite" for form in forms]
    return [
        Converted("ca-deploy", "int8", file, form=form.label) for file, form in zip(files, forms, strict=True)
    ]


def _batched(subject: Subject) -> str:
    """What tells files for several images at once from those for one."""
    return f"-batch{subject.batch}" if subject.batch > 1 else ""


def version_of_ours() -> str:
    """ca-deploy's version, and the one of TensorFlow, whose converter it uses."""
    from ca_deploy import __version__

    return f"{__version__} (TensorFlow {version('tensorflow')})"
