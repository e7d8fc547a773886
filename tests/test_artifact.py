import signal
import subprocess
import sys

import pytest

from ca_deploy.artifact import (
    MANIFEST,
    PRODUCER,
    check_target,
    sha256_artifact,
    sha256_file,
    size_of,
    staging,
    write_json,
)
from ca_deploy.errors import UserError


def publish(out, content="new", overwrite=False):
    with staging(out, overwrite) as folder:
        write_json(folder / MANIFEST, {"producer": PRODUCER})
        (folder / "file").write_text(content)


def names_beside(out):
    return sorted(path.name for path in out.parent.iterdir())


def test_a_folder_appears_whole(tmp_path):
    out = tmp_path / "a" / "b" / "out"
    publish(out)
    assert (out / "file").read_text() == "new"
    assert names_beside(out) == ["out"]


def test_overwriting_replaces_everything(tmp_path):
    out = tmp_path / "out"
    publish(out, "old")
    (out / "stray").touch()
    publish(out, "new", overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["file", MANIFEST]
    assert (out / "file").read_text() == "new"
    assert names_beside(out) == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_error_leaves_the_old_state(tmp_path, error):
    out = tmp_path / "out"
    publish(out, "old")
    with pytest.raises(error), staging(out, True) as folder:
        (folder / "file").write_text("half")
        raise error
    assert (out / "file").read_text() == "old"
    assert names_beside(out) == ["out"]


def test_an_error_removes_the_parents_that_were_made(tmp_path):
    with pytest.raises(RuntimeError), staging(tmp_path / "a" / "b" / "out", False):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_the_old_state_and_the_next_run_cleans_up(tmp_path):
    out = tmp_path / "out"
    publish(out, "old")
    script = (
        "import sys, time; from pathlib import Path; from ca_deploy.artifact import staging\n"
        "with staging(Path(sys.argv[1]), True) as f:\n"
        "    (f / 'file').write_text('half'); print('ready', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert (out / "file").read_text() == "old"
    assert len(names_beside(out)) == 2
    publish(out, "new", overwrite=True)
    assert names_beside(out) == ["out"]


def test_an_earlier_export_needs_overwrite(tmp_path):
    publish(tmp_path / "out")
    with pytest.raises(UserError, match="--overwrite"):
        check_target(tmp_path / "out", overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_others_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "precious").touch()
    with pytest.raises(UserError, match="did not write"):
        check_target(tmp_path, overwrite)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(UserError, match="did not write"):
        check_target(tmp_path, overwrite)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="not a folder"):
        check_target(tmp_path / "file", overwrite=True)
    with pytest.raises(UserError, match="cannot write in"):
        check_target(tmp_path / "file" / "below", overwrite=True)


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "out").mkdir()
    publish(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "new"


def test_a_full_disk_is_one_clear_line(tmp_path):
    with (
        pytest.raises(UserError, match="No space left on device"),
        staging(tmp_path / "out", False) as folder,
    ):
        (folder / "model").symlink_to("/dev/full")
        (folder / "model").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_sha256_is_the_known_one(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_file(tmp_path / "abc") == expected


def test_what_a_killed_run_had_set_aside_is_put_back(tmp_path):
    out, process = tmp_path / "out", subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    publish(out, "old")
    out.rename(tmp_path / f".out.staging-{process.pid}-0a1b.old")
    (tmp_path / f".out.staging-{process.pid}-0a1b").mkdir()
    with pytest.raises(RuntimeError), staging(out, True):
        raise RuntimeError
    assert (out / "file").read_text() == "old"
    assert names_beside(out) == ["out"]


def test_two_at_once_do_not_disturb_each_other(tmp_path):
    with staging(tmp_path / "out", False) as first:
        with pytest.raises(RuntimeError), staging(tmp_path / "out", False):
            raise RuntimeError
        assert first.is_dir()
    assert (tmp_path / "out").is_dir()


def test_an_error_of_another_file_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), staging(tmp_path / "out", False):
        (tmp_path / "weights.pth").read_bytes()


@pytest.mark.parametrize("exchange", [True, False])
def test_overwriting_works_where_folders_cannot_be_exchanged(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr("ca_deploy.artifact._exchange", lambda one, other: False)
    publish(tmp_path / "out", "old")
    publish(tmp_path / "out", "new", overwrite=True)
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert names_beside(tmp_path / "out") == ["out"]


def test_a_folders_hash_follows_names_and_content(tmp_path):
    first, second = (tmp_path / name for name in ("first", "second"))
    for folder in (first, second):
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "b").write_text("two")
        (folder / "a").write_text("one")
    assert sha256_artifact(first) == sha256_artifact(second)
    assert size_of(first) == 6
    (second / "in" / "b").rename(second / "in" / "c")
    assert sha256_artifact(first) != sha256_artifact(second)


def test_a_files_hash_is_that_of_its_content(tmp_path):
    (tmp_path / "a").write_text("one")
    assert sha256_artifact(tmp_path / "a") == sha256_file(tmp_path / "a")
    assert size_of(tmp_path / "a") == 3
