"""The metadata as a reader meets it; MediaPipe itself reads it in tests/verify/test_mediapipe.py."""

from __future__ import annotations

import io
import zipfile

import flatbuffers
from flatbuffers.number_types import Float32Flags, UOffsetTFlags
from flatbuffers.table import Table as Reader

from ca_deploy.bundle.tflite_metadata import (
    LABELS,
    ImageTensor,
    ModelCard,
    OutputTensor,
    label_file,
    metadata,
    with_files,
)

CARD = ModelCard("Net", "Tells cats from dogs", "1.2", "A laboratory", "Apache-2.0")
IMAGE = ImageTensor((32, 48), (123.0, 116.0, 103.0), (58.0, 57.0, 57.5))
CONTENT = metadata(CARD, IMAGE, [OutputTensor("logits", "before softmax", labels=True)])


class Fields:
    """Fields of a table by their number in the schema."""

    def __init__(self, content: bytes, position: int) -> None:
        self._table = Reader(bytearray(content), position)

    @classmethod
    def of(cls, content: bytes) -> Fields:
        return cls(content, flatbuffers.encode.Get(UOffsetTFlags.packer_type, content, 0))

    def _offset(self, slot: int) -> int:
        return self._table.Offset(4 + 2 * slot)

    def text(self, slot: int) -> str:
        return self._table.String(self._offset(slot) + self._table.Pos).decode()

    def byte(self, slot: int) -> int:
        return self._table.Bytes[self._table.Pos + self._offset(slot)]

    def number(self, slot: int) -> int:
        return int.from_bytes(
            self._table.Bytes[(at := self._table.Pos + self._offset(slot)) : at + 4], "little"
        )

    def table(self, slot: int) -> Fields:
        return Fields(self._table.Bytes, self._table.Indirect(self._table.Pos + self._offset(slot)))

    def tables(self, slot: int) -> list[Fields]:
        start, count = self._vector(slot)
        return [Fields(self._table.Bytes, self._table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, slot: int) -> list[float]:
        start, count = self._vector(slot)
        return [self._table.Get(Float32Flags, start + 4 * i) for i in range(count)]

    def _vector(self, slot: int) -> tuple[int, int]:
        return self._table.Vector(self._offset(slot)), self._table.VectorLen(self._offset(slot))


def test_the_card_is_readable():
    model = Fields.of(CONTENT)
    assert CONTENT[4:8] == b"M001"
    assert [model.text(slot) for slot in (0, 1, 2, 4, 5)] == [
        "Net",
        "Tells cats from dogs",
        "1.2",
        "A laboratory",
        "Apache-2.0",
    ]
    assert model.text(7) == "1.0.0"


def test_the_input_says_how_pixels_are_normalised():
    (image,) = Fields.of(CONTENT).tables(3)[0].tables(2)
    (unit,) = image.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert unit.table(1).floats(0) == [123.0, 116.0, 103.0]
    assert unit.table(1).floats(1) == [58.0, 57.0, 57.5]
    properties = image.table(3).table(1)
    assert (image.table(3).byte(0), properties.byte(0)) == (2, 1)  # ImageProperties, RGB
    assert [properties.table(1).number(slot) for slot in (0, 1)] == [48, 32]  # width, height


def test_one_value_stands_for_equal_channels():
    content = metadata(CARD, ImageTensor((8, 8), (0.0,) * 3, (1.0,) * 3), [OutputTensor("scores", "")])
    (image,) = Fields.of(content).tables(3)[0].tables(2)
    assert image.tables(4)[0].table(1).floats(1) == [1.0]


def test_the_output_names_its_labels():
    (output,) = Fields.of(CONTENT).tables(3)[0].tables(3)
    (file,) = output.tables(6)
    assert (output.text(0), file.text(0), file.byte(2)) == ("logits", LABELS, 2)


def test_files_are_stored_uncompressed_behind_the_model():
    data = with_files(b"model" * 100, {LABELS: label_file(["cat", "dog"])})
    assert data.startswith(b"model" * 100)
    assert b"cat\ndog\n" in data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [LABELS]
        assert archive.testzip() is None


def test_equal_input_gives_equal_bytes():
    assert metadata(CARD, IMAGE, [OutputTensor("logits", "before softmax", labels=True)]) == CONTENT
    files = {LABELS: b"cat\n"}
    assert with_files(b"model", files) == with_files(b"model", files)
