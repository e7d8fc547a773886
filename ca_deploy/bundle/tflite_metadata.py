"""TFLite model metadata: what Android's tools and MediaPipe Tasks read of a .tflite beside its tensors.

The schema is metadata_schema.fbs of TensorFlow Lite Support, which MediaPipe carries on; the numbers of its
fields are below. Its generated Python comes only in mediapipe, which brings OpenCV along.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ca_deploy.bundle.archive import EPOCH
from ca_deploy.bundle.flatbuffer import Byte, Table, Unsigned, Value, packed

ENTRY = "TFLITE_METADATA"
"""The name under which the .tflite holds these bytes."""
LABELS = "labels.txt"

_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"  # the first one knew every field that is written here
_RGB = Byte(1)
_TENSOR_AXIS_LABELS = Byte(2)
_FEATURE, _IMAGE = Byte(1), Byte(2)  # the union ContentProperties
_NORMALIZATION = Byte(1)  # the union ProcessUnitOptions


@dataclass(frozen=True)
class ModelCard:
    """What people want to know of a model.

    Attributes:
        name: short.
        description: what it does.
        version: of the weights.
        author: of the weights.
        license: of the weights.
    """

    name: str
    description: str
    version: str
    author: str
    license: str


@dataclass(frozen=True)
class ImageTensor:
    """The input: an RGB image, NHWC, of (pixel - mean) / std with pixels from 0 to 255.

    Attributes:
        size: height and width.
        mean: per channel, in units of pixels.
        std: per channel, likewise.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class OutputTensor:
    """An output.

    Attributes:
        name: as the graph's signature has it.
        description: what its numbers are.
        labels: whether each number belongs to one of the labels.
    """

    name: str
    description: str
    labels: bool = False


def metadata(card: ModelCard, image: ImageTensor, outputs: Sequence[OutputTensor]) -> bytes:
    """The metadata of a model with one image input, as the content of the entry `ENTRY`."""
    subgraph = Table({2: [_input(image)], 3: [_output(one) for one in outputs]})
    texts = {0: card.name, 1: card.description, 2: card.version, 4: card.author, 5: card.license}
    given: dict[int, Value] = {slot: text for slot, text in texts.items() if text}
    return packed(Table(given | {3: [subgraph], 7: _MIN_PARSER_VERSION}), _IDENTIFIER)


def label_file(labels: Sequence[str]) -> bytes:
    """The content of `LABELS`."""
    return "".join(f"{label}\n" for label in labels).encode()


def with_files(data: bytes, files: Mapping[str, bytes]) -> bytes:
    """Append files to a .tflite, which then is a zip archive too.

    They are stored, not compressed: readers map them in place. Dates are fixed, so that equal files give
    equal bytes.
    """
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return buffer.getvalue()


def _input(image: ImageTensor) -> Table:
    """TensorMetadata of the image."""
    height, width = image.size
    mean, std = _once_if_equal(image.mean), _once_if_equal(image.std)
    properties = Table({0: _RGB, 1: Table({0: Unsigned(width), 1: Unsigned(height)})})
    stats = Table(
        {
            0: [(255 - m) / s for m, s in zip(image.mean, image.std, strict=True)],
            1: [-m / s for m, s in zip(image.mean, image.std, strict=True)],
        }
    )
    return Table(
        {
            0: "image",
            1: "RGB image, NHWC: (pixel - mean) / std of pixels from 0 to 255",
            3: Table({0: _IMAGE, 1: properties}),
            4: [Table({0: _NORMALIZATION, 1: Table({0: mean, 1: std})})],
            5: stats,
        }
    )


def _once_if_equal(values: tuple[float, ...]) -> tuple[float, ...]:
    """One value where all channels have the same, the form that every reader takes."""
    return values[:1] if len(set(values)) == 1 else values


def _output(output: OutputTensor) -> Table:
    """TensorMetadata of an output."""
    fields: dict[int, Value] = {0: output.name, 1: output.description, 3: Table({0: _FEATURE, 1: Table({})})}
    if output.labels:
        file = Table(
            {0: LABELS, 1: "One class name per line, in the order of the output", 2: _TENSOR_AXIS_LABELS}
        )
        fields[6] = [file]
    return Table(fields)
