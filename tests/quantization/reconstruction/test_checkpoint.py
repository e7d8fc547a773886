import os

import torch

from ca_deploy.quantization.reconstruction.checkpoint import Checkpoint


def test_what_was_saved_last_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path / "new", [b"weights", b"images"])
    assert checkpoint.load() is None
    for number in range(2):
        checkpoint.save({"kept": [True], "tensor": torch.full((2,), number)})
    assert checkpoint.load()["tensor"].tolist() == [1, 1]
    assert list((tmp_path / "new").iterdir()) == [checkpoint.path]


def test_other_parts_are_another_checkpoint(tmp_path):
    Checkpoint(tmp_path, [b"weights", b"images"]).save(1)
    for parts in ([b"weights", b"others"], [b"weightsimages"], [b"weights", b"images", b""]):
        assert Checkpoint(tmp_path, parts).load() is None


def test_a_broken_file_counts_as_none(tmp_path):
    checkpoint = Checkpoint(tmp_path, [b"weights"])
    checkpoint.save({"kept": [True], "tensor": torch.ones(9)})
    whole = checkpoint.path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for broken in (b"", b"half a file", whole[: len(whole) // 2], bytes(flipped)):
        checkpoint.path.write_bytes(broken)
        assert checkpoint.load() is None
    checkpoint.path.write_bytes(whole)
    assert checkpoint.load()["kept"] == [True]


def test_the_oldest_go(tmp_path):
    for number in range(10):
        one = Checkpoint(tmp_path, [bytes([number])])
        one.save(number)
        os.utime(one.path, (number, number))
    left = [Checkpoint(tmp_path, [bytes([number])]).load() for number in range(10)]
    assert left == [None, None, *range(2, 10)]
