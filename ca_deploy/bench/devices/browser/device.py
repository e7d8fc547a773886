"""A phone's browser as a device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ca_deploy.bench.devices.adb import ready_phone
from ca_deploy.bench.devices.browser import outcome
from ca_deploy.bench.devices.browser.adb import open_page, reversed_port
from ca_deploy.bench.devices.browser.certificate import Certificate, make_certificate
from ca_deploy.bench.devices.browser.inbox import Inbox
from ca_deploy.bench.devices.browser.invitation import invite
from ca_deploy.bench.devices.browser.job import PAGE_RUNTIMES, Job, make_job, refusal
from ca_deploy.bench.devices.browser.messages import Hello, Result
from ca_deploy.bench.devices.browser.place import Place, local_address, parse_place
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
        self.left_out: dict[Path, str] = {}  # see `Surprising`

    def identity(self) -> Identity:
        """What the phone said that it is.

        Raises:
            DeviceError: when none has measured yet.
        """
        if not self._hello:
            raise DeviceError(f"{self.name}: no phone has opened the page yet")
        return outcome.identity(self._hello, runtime_versions())

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
        job = make_job(files, threads, effort)
        progress.step("Preparing the page and its runtimes")
        visit = Visit(_page() | job.served)
        inbox = Inbox(visit.inbox, self.name)
        with ExitStack() as serving:
            self._serve(visit, serving)
            progress.step("Waiting for a phone to open the page and start")
            self._hello = inbox.hello()
            result = inbox.result(progress)
        _check(job, result, self.name)
        self.left_out = outcome.left_out(job.artifacts, result)
        return outcome.measurements(self.name, job.artifacts, self._hello, result, effort.cold_start)

    def _serve(self, visit: Visit, serving: ExitStack) -> None:
        """Listen, and tell the user or the phone where."""
        place = self._place
        host = place.host or local_address()
        certificate = make_certificate(host) if place.encrypted else None
        context = certificate.context if certificate else None
        server = serving.enter_context(PageServer(visit, host, place.port, context))
        address = server.address
        if place.adb:
            serial = ready_phone(self.name, place.serial)
            serving.enter_context(reversed_port(serial, server.port))
            address = address.replace(host, "localhost", 1)
            open_page(serial, address)
        invite(address, _advice(place, certificate))


def _advice(place: Place, certificate: Certificate | None) -> list[str]:
    """What to know about the address."""
    if place.adb:
        return ["Opened on the phone through adb; the address works there only."]
    if not certificate:
        return ["Open it on a phone in the same network. Without encryption: one thread, no WebGPU."]
    return [
        "Open it on a phone in the same network. It warns once, because the certificate is new;",
        "what it shows should have this SHA-256 fingerprint:",
        certificate.fingerprint,
    ]


def _page() -> dict[str, Path | bytes]:
    """The files of the page itself and of the runtimes, by the names under which it loads them."""
    own = {path.relative_to(_PAGE).as_posix(): path for path in _PAGE.rglob("*") if path.is_file()}
    return {**own, **{f"runtimes/{name}": path for name, path in runtime_files().items()}}


def _check(job: Job, result: Result, device: str) -> None:
    """Make sure that the page measured something, and nothing else than it was given.

    Raises:
        DeviceError: when it did not.
    """
    if not result.measured:
        reasons = sorted({one.reason for one in result.skipped}) or ["the page measured nothing"]
        raise DeviceError(f"{device}: {'; '.join(reasons)}")
    named = [one.artifact for one in result.measured] + [one.artifact for one in result.skipped]
    if max(named) >= len(job.artifacts):
        raise DeviceError(f"{device}: the page measured artifacts that it was not given")
