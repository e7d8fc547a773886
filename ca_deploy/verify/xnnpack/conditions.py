"""Our own table of the conditions under which XNNPACK leaves an operator to TFLite, per runtime version.

XNNPACK does not say why it leaves a node. Each row was found by running one-operator models: its `probe` is
refused by the runtimes that it names, and its `neighbour`, as near a form of the operator as is taken, is
taken. The tests run both for every row on every runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ai_edge_litert.schema_py_generated import ActivationFunctionType

from ca_deploy.verify.node_facts import NodeFacts
from ca_deploy.verify.xnnpack import forms as form
from ca_deploy.verify.xnnpack import operators as probe
from ca_deploy.verify.xnnpack.probes import Probe, one_operator

LITERT_2_3 = "LiteRT 2.3.0"
TFLITE_2_14 = "tflite-runtime 2.14.0"
KNOWN_VERSIONS = (LITERT_2_3, TFLITE_2_14)


@dataclass(frozen=True)
class Condition:
    """One reason why XNNPACK leaves an operator.

    Attributes:
        operator: TFLite name.
        reason: what is missing, and what is taken instead.
        probe: a one-operator model that is refused for this reason.
        neighbour: a one-operator model of the same operator that is taken; None when no form of it is.
        applies: whether a node of this operator and type meets the condition.
        dtypes: the types of the first computed input that it concerns.
        versions: the runtimes that it was measured on.
    """

    operator: str
    reason: str
    probe: Probe
    neighbour: Probe | None = None
    applies: form.Question = form.always
    dtypes: tuple[str, ...] = ("float32", "int8")
    versions: tuple[str, ...] = KNOWN_VERSIONS


def why_refused(node: NodeFacts, version: str, refuses: Callable[[bytes], bool]) -> str | None:
    """The reason why XNNPACK leaves a node; None when the table does not know.

    Args:
        node: the node that it left.
        version: the runtime. On one that the table was not measured on, a row only counts when its probe is
            refused there too.
        refuses: asks that runtime whether it leaves the operator of a probe.
    """
    for row in XNNPACK_CONDITIONS:
        if row.operator != node.operator or node.dtype not in row.dtypes or not row.applies(node):
            continue
        if version in row.versions or (version not in KNOWN_VERSIONS and refuses(row.probe(node.dtype))):
            return row.reason
    return None


_FLOAT32, _INT8 = ("float32",), ("int8",)
_NEW, _OLD = (LITERT_2_3,), (TFLITE_2_14,)
_TANH = ActivationFunctionType.TANH
_RANK_6, _RANK_7 = (1, 2, 2, 2, 2, 16), (1, 2, 2, 2, 2, 1, 16)

_NO_FORM = "XNNPACK has no form of it"
_RESHAPE = f"{_NO_FORM}; RESHAPE does the same"
_NO_INT8 = "XNNPACK has no int8 form of it"
_FUSE = f"{_NO_INT8}; fused into the operator before it, it is taken"
_LOOKUP = f"{_NO_INT8}; in float32 between DEQUANTIZE and QUANTIZE it becomes one int8 lookup"

_WITHOUT_FORM = (
    Condition("SPLIT_V", f"{_NO_FORM}; SPLIT into 2 to 4 equal parts and SLICE are taken", probe.split_v()),
    Condition("SQUEEZE", _RESHAPE, probe.squeeze()),
    Condition("EXPAND_DIMS", _RESHAPE, probe.expand_dims()),
    Condition("RESIZE_NEAREST_NEIGHBOR", f"{_NO_FORM}; RESIZE_BILINEAR is taken", probe.resize_nearest()),
    Condition("GATHER", _NO_FORM, probe.gather()),
    Condition("PACK", f"{_NO_FORM}; RESHAPE and CONCATENATION are taken", probe.pack()),
    Condition("UNPACK", f"{_NO_FORM}; SLICE and RESHAPE are taken", probe.unpack()),
    Condition("TILE", _NO_FORM, probe.tile()),
    Condition("MIRROR_PAD", f"{_NO_FORM}; PAD is taken", probe.mirror_pad()),
    Condition("SPACE_TO_BATCH_ND", _NO_FORM, probe.space_to_batch()),
    Condition("REVERSE_V2", _NO_FORM, probe.reverse()),
    Condition("POW", _NO_FORM, probe.elementwise("POW", "Pow"), dtypes=_FLOAT32),
)

_WITHOUT_INT8_FORM = (
    *(Condition(op, _FUSE, one_operator(op), dtypes=_INT8) for op in ("RELU", "RELU6", "RELU_N1_TO_1")),
    *(
        Condition(op, _LOOKUP, one_operator(op, table), dtypes=_INT8, versions=versions)
        for op, table, versions in (
            ("HARD_SWISH", "HardSwish", KNOWN_VERSIONS),
            ("ABS", "Abs", KNOWN_VERSIONS),
            ("GELU", "Gelu", _NEW),
            ("EXP", "Exp", _NEW),
            ("LOG", "", _NEW),
        )
    ),
    *(
        Condition(op, _NO_INT8, probe.elementwise(op, table), dtypes=_INT8, versions=versions)
        for op, table, versions in (
            ("MAXIMUM", "MaximumMinimum", KNOWN_VERSIONS),
            ("MINIMUM", "MaximumMinimum", KNOWN_VERSIONS),
            ("SQUARED_DIFFERENCE", "SquaredDifference", KNOWN_VERSIONS),
            ("DIV", "Div", _NEW),
        )
    ),
    Condition("PRELU", _NO_INT8, probe.prelu(), dtypes=_INT8),
    Condition("SOFTMAX", _NO_INT8, probe.softmax(), dtypes=_INT8),
    Condition(
        "AVERAGE_POOL_2D",
        f"{_NO_INT8}; MEAN and a DEPTHWISE_CONV_2D by equal weights are taken",
        probe.pool("AVERAGE_POOL_2D"),
        dtypes=_INT8,
    ),
)

_OTHER_FORMS = (
    *(
        Condition(
            op,
            "of fused activations only RELU, RELU6 and RELU_N1_TO_1 are taken",
            make(fusedActivationFunction=_TANH),
            make(),
            form.fuses_tanh,
        )
        for op, make in probe.WITH_ACTIVATION.items()
    ),
    *(
        Condition(
            op,
            "weights and bias must be constants of the file",
            make(computed=operand),
            make(),
            form.computes_input(position),
        )
        for op, make in probe.WITH_WEIGHTS.items()
        for position, operand in ((1, "weights"), (2, "bias"))
    ),
    *(
        Condition(
            op,
            "tensors of more than 6 dimensions are not taken",
            make(shape=_RANK_7),
            make(shape=_RANK_6),
            form.has_rank_over_6,
            versions=_NEW,
        )
        for op, make in probe.OF_ANY_RANK.items()
    ),
    *(
        Condition(
            op,
            "input scale over output scale must be in [2^-10, 2^8)",
            probe.elementwise(op, table, rescale=2.0**-8),
            probe.elementwise(op, table, rescale=2.0**-7),
            form.adds_far_scales,
            dtypes=_INT8,
        )
        for op, table in (("ADD", "Add"), ("SUB", "Sub"))
    ),
    Condition(
        "MUL",
        "the product of the input scales over the output scale must be in [2^-16, 2^8)",
        probe.elementwise("MUL", "Mul", rescale=2.0**-12),
        probe.elementwise("MUL", "Mul", rescale=2.0**-11),
        form.multiplies_far_scales,
        dtypes=_INT8,
    ),
    Condition(
        "RESHAPE",
        "input and output must have the same scale and zero point",
        probe.reshape(rescale=2.0),
        probe.reshape(),
        form.requantizes,
        dtypes=_INT8,
        versions=_NEW,
    ),
    Condition(
        "CONCATENATION",
        "2 to 5 inputs are taken",
        probe.concatenation(6),
        probe.concatenation(5),
        form.inputs_outside(2, 5),
        versions=_NEW,
    ),
    Condition(
        "CONCATENATION",
        "2 to 4 inputs are taken",
        probe.concatenation(5),
        probe.concatenation(4),
        form.inputs_outside(2, 4),
        versions=_OLD,
    ),
    Condition("SPLIT", "2 to 4 parts are taken", probe.split(5), probe.split(4), form.outputs_outside(2, 4)),
    Condition(
        "STRIDED_SLICE",
        "only steps of 1 are taken",
        probe.strided_slice(rows=8, step=2),
        probe.strided_slice(rows=4),
        form.strides,
    ),
    Condition(
        "STRIDED_SLICE",
        "axes must stay; RESHAPE drops one",
        probe.strided_slice(rows=1, drop_axis=True),
        probe.strided_slice(rows=1),
        form.changes_rank,
    ),
    *(
        Condition(
            op,
            "strides over the window's size are not taken",
            probe.pool(op, 3),
            probe.pool(op),
            form.skips,
            dtypes,
        )
        for op, dtypes in (("MAX_POOL_2D", _FLOAT32 + _INT8), ("AVERAGE_POOL_2D", _FLOAT32))
    ),
    Condition(
        "BATCH_MATMUL",
        "in int8 the second operand must have the zero point 0",
        probe.matrix_product(symmetric=False),
        probe.matrix_product(symmetric=True),
        form.shifts_second_input,
        dtypes=_INT8,
        versions=_NEW,
    ),
)

_OF_OLD_VERSIONS = (
    *(
        Condition(
            op,
            "only the axes (1, 2) and 2 are taken",
            probe.reduction(op, 1),
            probe.reduction(op, 2),
            form.reduces_other_than_width,
            dtypes,
            _OLD,
        )
        for op, dtypes in (("MEAN", _FLOAT32 + _INT8), ("SUM", _FLOAT32))
    ),
    *(Condition(op, _NO_FORM, probe.reduction(op, 3), versions=_OLD) for op in ("REDUCE_MAX", "REDUCE_MIN")),
    *(
        Condition(
            op,
            "int8 weights with a scale for each channel are not taken",
            make(channel_axis=0),
            make(),
            form.has_channel_scales,
            _INT8,
            _OLD,
        )
        for op, make in probe.WITH_CHANNEL_SCALES.items()
    ),
    *(
        Condition(op, _NO_FORM, one_operator(op, table), versions=_OLD, dtypes=_FLOAT32)
        for op, table in (("EXP", "Exp"), ("GELU", "Gelu"), ("LOG", ""), ("RSQRT", ""))
    ),
    Condition("BATCH_MATMUL", _NO_FORM, probe.matrix_product(symmetric=True), versions=_OLD),
)

XNNPACK_CONDITIONS: tuple[Condition, ...] = (
    *_WITHOUT_FORM,
    *_WITHOUT_INT8_FORM,
    *_OTHER_FORMS,
    *_OF_OLD_VERSIONS,
)
