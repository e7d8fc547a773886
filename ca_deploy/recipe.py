"""The recipe: one TOML file that names network, weights, input, calibration, targets and tolerances.

Its `[input]` table is the one preprocessing specification: whatever needs it reads it from here.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ca_deploy import formats
from ca_deploy.errors import UserError, did_you_mean
from ca_deploy.formats import Format
from ca_deploy.precisions import FormulatedPrecision
from ca_deploy.resources import data_folder

Attention = Literal["none", "se", "cbam", "ca"]
Target = Literal["android", "x86", "web", "ios"]
Positive = Annotated[int, Field(gt=0)]

TARGETS: tuple[str, ...] = get_args(Target)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class _Table(BaseModel):
    """A TOML table: immutable, and closed, so that a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkSpec(_Table):
    """Which network to build; what is left out is read from the checkpoint's tensors."""

    architecture: Literal["mobilenet_v2"] = "mobilenet_v2"
    attention: Attention | None = None
    width: Annotated[float, Field(gt=0, le=10)] | None = None
    classes: Positive | None = None


class InputSpec(_Table):
    """How an image becomes the network's input (RGB; a float32 NCHW tensor).

    Attributes:
        size: height and width in pixels.
        mean: subtracted per channel, on pixels scaled to 0..1.
        std: divided by per channel, after the mean.
        resize: length of the image's shorter side in pixels before the centre crop; with crop "none" it
            must be left out. Default: the longer side of `size` / 0.875, rounded (ImageNet's 256 for 224).
        crop: "center" keeps the aspect ratio; "none" stretches the whole image to `size`.
        interpolation: filter of the resize.
    """

    size: tuple[Positive, Positive] = (224, 224)
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[
        Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
    ] = IMAGENET_STD
    resize: Positive | None = None
    crop: Literal["center", "none"] = "center"
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"

    @model_validator(mode="after")
    def _resize_covers_crop(self) -> InputSpec:
        if self.resize is not None and self.crop == "none":
            raise ValueError('resize has no effect with crop = "none"; leave one of them out')
        if self.resize is not None and self.resize < max(self.size):
            raise ValueError(f"resize = {self.resize} is smaller than the crop of {self.size}")
        return self

    def at_size(self, height: int, width: int) -> InputSpec:
        """The same preprocessing at another input size; `resize` keeps its proportion to the crop."""
        scale = max(height, width) / max(self.size)
        resize = None if self.resize is None else max(round(self.resize * scale), height, width)
        return self.model_copy(update={"size": (height, width), "resize": resize})


class CalibrationSpec(_Table):
    """Which images set activation ranges, and how many more are kept for parity."""

    images: str = "shipped"
    count: Annotated[int, Field(ge=16)] = 128
    parity: Annotated[int, Field(ge=8)] = 256


class Tolerance(_Table):
    """Bounds that an artifact must hold against the PyTorch network on the parity images."""

    max_relative: Annotated[float, Field(gt=0)] | None = None
    min_sqnr_db: float | None = None
    min_agreement: Annotated[float, Field(ge=0, le=1)] | None = None


class Tolerances(_Table):
    """One tolerance for ONNX, and one per precision of a .tflite."""

    onnx: Tolerance = Tolerance(max_relative=1e-4)
    fp32: Tolerance = Tolerance(max_relative=1e-4)
    fp16: Tolerance = Tolerance(min_sqnr_db=45.0, min_agreement=0.98)
    int8: Tolerance = Tolerance(min_sqnr_db=20.0, min_agreement=0.90)
    int8_weights: Tolerance = Tolerance(min_sqnr_db=25.0, min_agreement=0.95)
    coreml_int8: Tolerance = Tolerance(min_sqnr_db=18.0, min_agreement=0.90)
    int8_per_tensor: Tolerance = Tolerance(min_sqnr_db=10.0, min_agreement=0.80)
    int16x8: Tolerance = Tolerance(min_sqnr_db=30.0, min_agreement=0.95)
    dynamic_int8: Tolerance = Tolerance(min_sqnr_db=25.0, min_agreement=0.93)
    weight_int8: Tolerance = Tolerance(min_sqnr_db=30.0, min_agreement=0.95)


class Formulation(_Table):
    """How an attention block is written for a runtime; a key that is left out is as the target has it.

    Attributes:
        convolution: coordinate attention's shared one reads both means "joined" (the paper's form), each
            "apart", or the whole map "before-pooling".
        pooling: each mean as MEAN, or as a "convolution" with equal weights.
        h_swish: as one "operator", or as ADD with a fused ReLU6 and MUL.
        gates: multiplied with the map "as-written", "swapped", or "multiplied-first" with each other.
        arithmetic: of the gates' multiplications in an int8 file: "int8", or "float" between DEQUANTIZE and
            QUANTIZE, which rounds less and which some processors run faster.
    """

    convolution: Literal["joined", "apart", "before-pooling"] | None = None
    pooling: Literal["mean", "convolution"] | None = None
    h_swish: Literal["operator", "relu6"] | None = None
    gates: Literal["as-written", "swapped", "multiplied-first"] | None = None
    arithmetic: Literal["int8", "float"] | None = None

    def with_int8_gates(self) -> Formulation:
        """The same, but that gates are not multiplied in float."""
        return self if self.arithmetic is None else self.model_copy(update={"arithmetic": "int8"})


Formulations = dict[Target, dict[FormulatedPrecision, dict[str, Formulation]]]
"""Target -> precision -> path of a block's module, such as `features.3.conv.6` -> how it is written."""


class Recipe(_Table):
    """A whole recipe, as `models/*.toml` states it.

    Attributes:
        name: the file's stem; names the default output folder.
        folder: where the file lies; relative paths in the recipe start there.
        labels: class names in the order of the logits, or a text file with one per line.
        author, version, license: of the weights, for the metadata in the artifacts.
        formulations: of single blocks, as `--tune-save` writes them.
    """

    name: str
    folder: Path = Field(default=Path(), exclude=True)
    description: str = ""
    author: str = ""
    version: str = ""
    license: str = ""
    network: NetworkSpec = NetworkSpec()
    weights: str | None = None
    input: InputSpec = InputSpec()
    labels: tuple[str, ...] | str | None = None
    calibration: CalibrationSpec = CalibrationSpec()
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = ("android",)
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = formats.DEFAULT
    tolerances: Tolerances = Tolerances()
    formulations: Formulations = Field(default_factory=dict)

    def weights_path(self) -> Path | None:
        """The weights file, relative to the recipe; None when the user has to give it."""
        return None if self.weights is None else self.folder / self.weights

    def label_names(self) -> tuple[str, ...] | None:
        """Class names in the order of the logits.

        Raises:
            UserError: when the label file cannot be read.
        """
        if not isinstance(self.labels, str):
            return self.labels
        path = self.folder / self.labels
        try:
            return tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UserError(
                f"{path}: cannot read the labels of recipe {self.name} ({reason}); correct its `labels`"
            ) from error

    def formulations_of(self, target: str, precision: str) -> dict[str, Formulation]:
        """What it says of single blocks of a target and precision, by their paths."""
        return self.formulations.get(cast(Target, target), {}).get(cast(FormulatedPrecision, precision), {})

    def with_formulations(self, formulations: Formulations) -> Recipe:
        """The same recipe with these formulations in place of those of the same targets and precisions."""
        merged = {target: dict(precisions) for target, precisions in self.formulations.items()}
        for target, precisions in formulations.items():
            merged[target] = merged.get(target, {}) | precisions
        return self.model_copy(update={"formulations": merged})

    def without_float_gates(self) -> Recipe:
        """The same recipe, where no block that it names multiplies its gates in float."""
        named = {
            target: {
                precision: {path: one.with_int8_gates() for path, one in blocks.items()}
                for precision, blocks in precisions.items()
            }
            for target, precisions in self.formulations.items()
        }
        return self.model_copy(update={"formulations": named})

    def sha256(self) -> str:
        """Identity of what the recipe says, whatever its comments and spacing."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def shipped_recipes() -> dict[str, Path]:
    """Names and files of the recipes that ship, in alphabetical order."""
    return {path.stem: path for path in sorted(data_folder("models").glob("*.toml"))}


def recipe_path(name_or_path: str) -> Path:
    """The file of a recipe that ships, or the path itself.

    Raises:
        UserError: when there is none of that name.
    """
    shipped = shipped_recipes()
    path = shipped.get(name_or_path) or Path(name_or_path)
    if path.suffix != ".toml":
        known = ", ".join(shipped)
        raise UserError(
            f"no recipe is called '{name_or_path}'{did_you_mean(name_or_path, shipped)}; "
            f"recipes: {known}, or the path of a .toml file"
        )
    return path


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe that ships, by name, or any TOML file, by path.

    Raises:
        UserError: when there is none of that name, or it cannot be read or validated.
    """
    path = recipe_path(name_or_path)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read the recipe ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML ({error})") from error
    return parse_recipe(table, path)


def parse_recipe(table: dict[str, Any], path: Path) -> Recipe:
    """Validate a recipe's table, read from `path`.

    Raises:
        UserError: naming the first key that is wrong, and the key that was probably meant.
    """
    for reserved in ("name", "folder"):
        if reserved in table:
            raise UserError(f"{path}: unknown key '{reserved}'; the file's name is the recipe's name")
    try:
        return Recipe.model_validate({**table, "name": path.stem, "folder": path.parent.resolve()})
    except ValidationError as error:
        raise UserError(f"{path}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    """One line for the first of pydantic's findings."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *tables, key = (str(part) for part in first["loc"])
        known = _keys_of(tables)
        return f"unknown key '{where}'{did_you_mean(key, known)}; known keys: {', '.join(known)}"
    return f"{where}: {first['msg'].removeprefix('Value error, ')} (it is {first['input']!r})"


def _keys_of(tables: list[str]) -> list[str]:
    """The keys that the table at this path of a recipe takes."""
    table: Any = Recipe
    for name in tables:
        # A table is a model by design, or maps the user's own words to models.
        table = get_args(table)[1] if get_origin(table) is dict else table.model_fields[name].annotation
    return [key for key in table.model_fields if key not in ("name", "folder")]
