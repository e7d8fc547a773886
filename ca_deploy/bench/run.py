"""The walk of `ca-deploy bench`: from files and device names to measurements and comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ca_deploy.bench.artifacts import check_loadable, collect, labels
from ca_deploy.bench.comparison import Baseline, Beside, Comparison, Earlier, Uncompared
from ca_deploy.bench.devices import DeviceOptions, check_options, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.bench.past import PastResults, check_baseline
from ca_deploy.bench.results import results_document
from ca_deploy.bench.session import DeviceSession, measure_on
from ca_deploy.bench.trial import failing
from ca_deploy.errors import UserError
from ca_deploy.progress import Progress


@dataclass(frozen=True)
class BenchResult:
    """What a run measured.

    Attributes:
        sessions: one for each device, in the order given.
        comparisons: with the baseline, when there is one.
        names: what each artifact is called, baselines included.
        effort: how much was measured.
        changes: what is not as it was in the earlier run that it is compared with.
        uncompared: measurements that the baseline says nothing of.
        failing: artifacts that no device was given, because they fail on this machine, each with the reason.
    """

    sessions: list[DeviceSession]
    comparisons: list[Comparison]
    names: Mapping[Path, str]
    effort: Effort
    changes: Sequence[str] = ()
    uncompared: Sequence[Uncompared] = ()
    failing: Mapping[Path, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """For JSON; see `results.schema.json`."""
        return results_document(self.sessions, self.comparisons, self.names, self.effort)


def run(
    places: Sequence[Path],
    devices: Sequence[str],
    threads: Sequence[int],
    effort: Effort,
    progress: Progress,
    *,
    against: Path | None = None,
    options: DeviceOptions | None = None,
) -> Iterator[BenchResult]:
    """Measure artifacts on devices; gives what was measured so far, behind each device.

    Args:
        places: files, and folders of them.
        devices: names such as `local` or `emulated:cortex-a76`.
        threads: each number of threads to measure with.
        effort: how much to measure.
        progress: what to report to.
        against: results of an earlier run (`.json`), or another model or folder of models, to compare with.
        options: for devices that take any.

    Raises:
        UserError: when an artifact, a device's name or the baseline cannot be used, or fits nothing.
    """
    opened = [open_device(name, options) for name in dict.fromkeys(devices)]
    check_options(devices, options or DeviceOptions())
    if against is not None:
        check_baseline(against)
    files = collect(places)
    past = PastResults(against) if against is not None and against.suffix == ".json" else None
    others = [] if against is None or past else collect([against])
    names = labels(list(dict.fromkeys([*files, *others])))
    if past and not past.covers(devices, names):
        raise UserError(f"--against {against}: has no measurement of these artifacts on these devices")
    baseline: Baseline | None = None
    if past:
        baseline = Earlier(past, names)
    elif against is not None:
        baseline = Beside(files, others, names, by_name=against.is_dir())
    measured = list(dict.fromkeys([*files, *(baseline.files if baseline else ())]))
    progress.step("Trying the artifacts")
    refused = failing(measured)
    check_loadable(path for path in measured if path not in refused)
    sessions: list[DeviceSession] = []
    for session in measure_on(opened, measured, threads, effort, progress, refused):
        sessions.append(session)
        result = _result(sessions, baseline, past, {path: names[path] for path in measured}, effort)
        yield replace(result, failing=refused)


def _result(
    sessions: Sequence[DeviceSession],
    baseline: Baseline | None,
    past: PastResults | None,
    names: Mapping[Path, str],
    effort: Effort,
) -> BenchResult:
    found = [one for session in sessions if baseline for one in baseline.comparisons(session)]
    return BenchResult(
        list(sessions),
        [one for one in found if isinstance(one, Comparison)],
        names,
        effort,
        changes=[change for session in sessions if past for change in past.changes(session)],
        uncompared=[one for one in found if isinstance(one, Uncompared)],
    )
