"""A phone's browser as a device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ca_deploy.bench.devices.browser import outcome
from ca_deploy.bench.devices.browser.adb import open_page, reversed_port
from ca_deploy.bench.devices.browser.certificate import make_certificate
from ca_deploy.bench.devices.browser.inbox import Inbox
from ca_deploy.bench.devices.browser.invitation import invite
from ca_deploy.bench.devices.browser.job import PAGE_RUNTIMES, Job, make_job, refusal
from ca_deploy.bench.devices.browser.messages import Hello, Result
from ca_deploy.bench.devices.browser.place import parse_place
from ca_deploy.bench.devices.browser.runtimes import runtime_files, runtime_versions
from ca_deploy.bench.devices.browser.server import PageServer
from ca_deploy.bench.devices.browser.visit import Visit
from ca_deploy.bench.devices.protocol import Identity, Measurement
from ca_deploy.bench.interleave import Effort
from ca_deploy.errors import DeviceError
from ca_deploy.progress import Progress

_PAGE = Path(__file__).with_name("page")


class BrowserDevice:
    """Any phone's browser, on a page that this machine serves for one run.

    Args:
        detail: what stands behind `browser:` in the device's name; see `parse_place`.
        insecure: serve without encryption.

    Raises:
        UserError: when it cannot be understood.
    """

    suffixes = tuple(PAGE_RUNTIMES)

    def __init__(self, detail: str = "", *, insecure: bool = False) -> None:
        self.name = f"browser:{detail}" if detail else "browser"
        self._place = parse_place(detail, insecure)
        self._hello: Hello | None = None
        self._visit: Visit | None = None
        self._closing = ExitStack()

    def identity(self) -> Identity:
        """What the phone says that it is; waits until it opens the page."""
        hello = self._hello or self._wait_for_phone()
        return outcome.identity(hello, runtime_versions())

    def refusal(self, file: Path) -> str | None:
        """Why no page runs a file; None when one does."""
        return refusal(file)

    def measure(
        self, files: Sequence[Path], threads: Sequence[int], effort: Effort, progress: Progress
    ) -> list[Measurement]:
        """Measure artifacts in the phone's browser; see `Device.measure`.

        Where the browser allows threads, all files for each number of them; otherwise on one. WebGPU comes
        last, where it is present.

        Raises:
            UserError: when a file cannot be loaded here, or no page can run it.
            DeviceError: when nobody opens the page, or it fails or is gone.
        """
        with self._closing:
            job = make_job(files, threads, effort)
            progress.step("Waiting for the phone")
            hello = self._hello if self._visit and self._hello else self._wait_for_phone()
            result = self._follow(job, progress)
        self._visit = None
        self._report_skipped(job, result, progress)
        return outcome.measurements(self.name, job.artifacts, hello, result, effort.cold_start)

    def close(self) -> None:
        """Stop serving; `measure` does it by itself."""
        self._closing.close()
        self._visit = None

    def _wait_for_phone(self) -> Hello:
        visit = Visit()
        visit.serve({f"runtimes/{name}": path for name, path in runtime_files().items()})
        visit.serve({str(p.relative_to(_PAGE)): p for p in _PAGE.rglob("*") if p.is_file()})
        with ExitStack() as closing:
            self._serve(visit, closing)
            self._hello = Inbox(visit.inbox).hello()
            self._closing = closing.pop_all()
        self._visit = visit
        return self._hello

    def _serve(self, visit: Visit, closing: ExitStack) -> None:
        """Listen, and tell the user or the phone where."""
        place = self._place
        certificate = make_certificate(place.host) if place.encrypted else None
        context = certificate.context if certificate else None
        server = closing.enter_context(PageServer(visit, place.host, place.port, context))
        if place.adb:
            closing.enter_context(reversed_port(server.port, place.serial))
            address = server.address.replace(place.host, "localhost", 1)
            open_page(address, place.serial)
            invite(address, ["Opened on the phone through adb; the address works there only."])
        elif certificate:
            invite(
                server.address,
                [
                    "Open it on a phone in the same network. It warns once, because the certificate is new;",
                    "what it shows should have this SHA-256 fingerprint:",
                    certificate.fingerprint,
                ],
            )
        else:
            invite(
                server.address,
                ["Open it on a phone in the same network. Without encryption: one thread, no WebGPU."],
            )

    def _follow(self, job: Job, progress: Progress) -> Result:
        assert self._visit
        self._visit.serve(job.served)
        result = Inbox(self._visit.inbox).result(progress)
        if not result.measured:
            reasons = {one.reason for one in result.skipped} or {"the page measured nothing"}
            raise DeviceError(f"{self.name}: {'; '.join(sorted(reasons))}")
        beyond = [m.artifact for m in result.measured if m.artifact >= len(job.artifacts)]
        if beyond:
            raise DeviceError(f"{self.name}: the page measured artifacts that it was not given")
        return result

    def _report_skipped(self, job: Job, result: Result, progress: Progress) -> None:
        for one in result.skipped:
            where = f"{one.delegate}, {one.threads} threads"
            progress.note(f"{job.artifacts[one.artifact]}: did not run on {where}: {one.reason}")
