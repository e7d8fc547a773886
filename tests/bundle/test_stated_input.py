import pytest

from ca_deploy.bundle.stated_input import stated_input
from ca_deploy.bundle.tflite_metadata import (
    LABELS,
    ImageTensor,
    ModelCard,
    OutputTensor,
    label_file,
    metadata,
    with_files,
)

CARD = ModelCard("Net", "", "", "", "")


@pytest.mark.parametrize(
    ("mean", "std"), [((123.0, 116.0, 103.0), (58.0, 57.0, 57.5)), ((0.0,) * 3, (1.0,) * 3)]
)
def test_normalisation_and_labels_are_read_back(tmp_path, mean, std):
    content = metadata(CARD, ImageTensor((32, 48), mean, std), [OutputTensor("logits", "", labels=True)])
    path = tmp_path / "model.tflite"
    path.write_bytes(with_files(b"\0" * 64, {LABELS: label_file(["cat", "hot dog"])}))
    found = stated_input(path, content)
    assert [255 * value for value in (*found.mean, *found.std)] == pytest.approx([*mean, *std])
    assert found.labels == ("cat", "hot dog")


def test_a_file_without_labels_has_none(tmp_path):
    content = metadata(CARD, ImageTensor((8, 8), (1.0,) * 3, (2.0,) * 3), [])
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\0" * 64)
    assert stated_input(path, content).labels is None


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0", b"\x10\0\0\0" + b"\0" * 12, b"\xff" * 40])
def test_other_bytes_state_nothing(tmp_path, content):
    assert stated_input(tmp_path / "model.tflite", content) is None
