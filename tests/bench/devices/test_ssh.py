"""A real ssh client and a real sshd; the far side is aarch64, or this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from far_machine import FarMachine
from saboteur import Saboteur
from ssh_server import SshServer, free_port

from ca_deploy.bench import toolchain
from ca_deploy.bench.devices import DeviceOptions, open_device
from ca_deploy.bench.interleave import Effort
from ca_deploy.bench.profile.run import profile
from ca_deploy.errors import DeviceError, UserError
from ca_deploy.progress import Silent

pytestmark = pytest.mark.devices

ROOT = Path(__file__).parents[3]
QUICK = Effort(rounds=2, runs=4, seconds=0, warm_up_seconds=0, cold_start=False)
ENDLESS = Effort(rounds=100, runs=100, seconds=500, warm_up_seconds=0, cold_start=False)


@pytest.fixture(scope="module")
def arm(far_machine: FarMachine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A server whose shell is an aarch64 machine's."""
    server = SshServer(tmp_path_factory.mktemp("sshd"), f"ForceCommand {far_machine.enter}")
    yield server
    server.close()


@pytest.fixture
def server_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], SshServer]]:
    """Starts a server with some lines of sshd_config."""
    started = []

    def start(config: str) -> SshServer:
        (tmp_path / "sshd").mkdir()
        started.append(SshServer(tmp_path / "sshd", config))
        use_client(started[0], monkeypatch)
        return started[0]

    yield start
    for server in started:
        server.close()


@pytest.fixture(autouse=True)
def client(arm: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    use_client(arm, monkeypatch)


def use_client(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ssh` be the client with this server's key."""
    monkeypatch.setenv("PATH", os.pathsep.join((str(server.folder / "bin"), os.environ["PATH"])))


def test_a_machine_with_nothing_but_a_shell_runs_the_same_bits(
    arm: SshServer, far: FarMachine, models: list[Path]
) -> None:
    device = open_device(arm.device)
    effort = Effort(rounds=2, runs=4, seconds=0, warm_up_seconds=0.05)

    found = device.measure(models, (1, 2), effort, Silent())

    assert [(m.threads, m.file) for m in found] == [(n, f) for n in (1, 2) for f in models]
    for one in found:
        assert (one.device, one.delegate, one.runtime) == (arm.device, "XNNPACK", "LiteRT 2.3.0")
        assert one.wall is not None
        assert one.wall.runs == 4
        assert one.cold is not None
        assert min(one.cold.load_ms, one.cold.first_ms, one.cold.peak_bytes or 0) > 0
        assert one.parity is not None
        assert one.parity.identical == (one.file.stem == "int8")
        assert one.parity.sqnr_db is None or one.parity.sqnr_db > 100
    identity = device.identity()
    assert (identity.architecture, identity.processor) == ("aarch64", "2x Cortex-A76")
    assert identity.versions == {"LiteRT": "2.3.0"}


def test_a_profile_tells_the_same_operators_there(
    arm: SshServer, far: FarMachine, models: list[Path]
) -> None:
    there = profile(models[1], 1, 3, Silent(), device=arm.device)
    here = profile(models[1], 1, 3, Silent())

    assert (there.device, there.runs) == (arm.device, 3)
    assert [(one.name, one.block, one.shape) for one in there.operators] == [
        (one.name, one.block, one.shape) for one in here.operators
    ]
    assert there.blocks is not None
    assert [block.operators for block in there.blocks] == [3]
    assert there.whole_microseconds > 0


def test_this_machine_over_ssh_is_measured_with_what_is_sent_to_it(
    models: list[Path], tmp_path: Path, server_here
) -> None:
    folder = tmp_path / "far folder"
    folder.mkdir()
    server = server_here(f'SetEnv "TMPDIR={folder}"')

    found = open_device(server.device).measure(models, (1,), QUICK, Silent())

    assert [one.parity.identical for one in found if one.parity] == [True, True]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (f"root@127.0.0.1:{free_port()}", "refuses connections: is sshd running there"),
        ("nobody@no-such-host.invalid", "has a name that cannot be found"),
    ],
)
def test_a_host_that_cannot_be_reached(host: str, message: str, models: list[Path]) -> None:
    with pytest.raises(DeviceError, match=f"^ssh://{host}: {message}"):
        open_device(f"ssh://{host}").measure(models, (1,), QUICK, Silent())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("IdentityFile {folder}/stranger_key", "refused every key: `ssh-copy-id` adds yours there"),
        ("UserKnownHostsFile /dev/null", "is not known by its host key: connect once by hand"),
        (
            "UserKnownHostsFile {folder}/changed_hosts",
            "has another host key than before: see `ssh-keygen -R`",
        ),
    ],
)
def test_a_host_that_does_not_trust_or_is_not_trusted(
    setting: str, message: str, arm: SshServer, models: list[Path]
) -> None:
    config = arm.folder / "config"
    before = config.read_text()
    name = setting.split()[0]
    config.write_text(
        "\n".join(setting.format(folder=arm.folder) if name in line else line for line in before.splitlines())
    )
    try:
        with pytest.raises(DeviceError, match=f"^{arm.device}: {message}"):
            open_device(arm.device).measure(models, (1,), QUICK, Silent())
    finally:
        config.write_text(before)


def test_a_32_bit_system_is_refused(models: list[Path], server_here) -> None:
    server = server_here('ForceCommand setarch i686 sh -c "$SSH_ORIGINAL_COMMAND"')

    with pytest.raises(DeviceError, match="is i686, and LiteRT comes for aarch64 and x86_64: use a 64-bit"):
        open_device(server.device).measure(models, (1,), QUICK, Silent())


def test_a_full_disk(far: FarMachine, models: list[Path], server_here) -> None:
    server = server_here(f"ForceCommand {far.enter}\nSetEnv FAR_TMPDIR=/small")

    with pytest.raises(DeviceError, match=r"files could not be copied: .*No space left on device"):
        open_device(server.device).measure(models, (1,), QUICK, Silent())


def test_missing_libraries(
    arm: SshServer, far: FarMachine, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "_LIBRARIES", ("libc.so.6", "libdl.so.2"))

    with pytest.raises(DeviceError, match=r"the runner failed: lib\S+: cannot open shared object file"):
        open_device(arm.device).measure(models, (1,), QUICK, Silent())


def test_a_crash_names_the_signal(
    arm: SshServer, far: FarMachine, models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "crash.c"
    source.write_text("int main(void) { return *(volatile int *)0; }")
    subprocess.run(["aarch64-linux-gnu-gcc", source, "-o", tmp_path / "runner"], check=True)
    monkeypatch.setattr(toolchain, "program", lambda *_: tmp_path / "runner")

    with pytest.raises(DeviceError, match=r"the runner crashed with signal 11 \(segmentation fault\)"):
        open_device(arm.device).measure(models, (1,), QUICK, Silent())


def test_a_session_that_takes_too_long_is_ended(arm: SshServer, far: FarMachine, models: list[Path]) -> None:
    device = open_device(arm.device, DeviceOptions(timeout_seconds=1))

    with pytest.raises(DeviceError, match="the runner took over 1 s; allow more with --timeout"):
        device.measure(models, (1,), ENDLESS, Silent())
    assert far.processes() == []


def test_a_connection_that_breaks_leaves_nothing_on_the_far_side(
    arm: SshServer, far: FarMachine, models: list[Path]
) -> None:
    with pytest.raises(DeviceError, match=f"^{arm.device}: the connection was lost"):
        open_device(arm.device).measure(models, (1,), ENDLESS, Saboteur(arm.drop_connections))
    far.wait_until_clean()


def test_ctrl_c_leaves_nothing_on_the_far_side(arm: SshServer, far: FarMachine, models: list[Path]) -> None:
    command = [
        sys.executable,
        "-m",
        "ca_deploy",
        "bench",
        *models,
        "--device",
        arm.device,
        "--seconds",
        "500",
    ]
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("Timing") for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors.splitlines()[-1]) == (130, "error: interrupted; nothing was written")


def test_other_devices_are_measured_and_the_status_is_4(models: list[Path], tmp_path: Path) -> None:
    gone = f"ssh://root@127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "ca_deploy", "bench", models[0], "--device", gone, "--device", "local"]

    finished = subprocess.run(
        [*command, "--runs", "2", "--seconds", "0", "--quiet"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 4
    (error,) = (line for line in finished.stderr.splitlines() if line.startswith("error:"))
    assert error.startswith(f"error: {gone}: refuses connections")
    assert "float32.tflite" in finished.stdout


@pytest.mark.parametrize("name", ["ssh:", "ssh:host", "ssh://", "ssh://user@", "ssh://host/folder"])
def test_an_address_that_is_none(name: str) -> None:
    with pytest.raises(UserError, match="give ssh://USER@HOST or ssh://USER@HOST:PORT"):
        open_device(name)
