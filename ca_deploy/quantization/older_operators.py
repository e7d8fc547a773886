"""A float32 .tflite for an old runtime: operators that it lacks, written with those that it has.

What has no such form (GELU by the error function, CUMSUM ...) stays, and `runtime_versions.too_new` names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape
from typing import Any

from ca_deploy.quantization.older_rewrites import REWRITES, Place
from ca_deploy.quantization.rules import RULES
from ca_deploy.quantization.rules_int16 import RULES_INT16
from ca_deploy.quantization.runtime_versions import Version, since
from ca_deploy.quantization.static import rule_of
from ca_deploy.quantization.tflite_model import TFLiteModel

_LOOKUPS = ("GELU", "HARD_SWISH")
"""Between int8 neighbours XNNPACK computes each as one lookup of a float32 function; int8 sums and products
in its place would be rounded one by one."""


@dataclass(frozen=True)
class ForRuntime:
    """A float32 .tflite, as the oldest runtime that has to run it takes it.

    Attributes:
        data: the file.
        runtime: that runtime; None for any.
        rewritten: kinds of operators that are written in another way, each once.
        in_float: names, for `keep_float.kept_places`, of what was one lookup and loses too much in int8.
    """

    data: bytes
    runtime: Version | None = None
    rewritten: tuple[str, ...] = ()
    in_float: tuple[str, ...] = ()

    def kept_float(self, precision: str) -> tuple[str, ...]:
        """Names, for `keep_float.kept_places`, of the operators that stay float32 at a precision.

        Those are `in_float`, and what the runtime knows in float32 and not yet in integers.
        """
        if self.runtime is None:
            return ()
        model, rules = TFLiteModel(self.data), RULES_INT16 if precision == "int16x8" else RULES
        names = []
        for operator in model.operators:
            kind, version = model.kind(operator), model.version(operator)
            rule = rule_of(model, operator, rules)
            if rule is not None and since(kind, version) <= self.runtime < since(kind, rule.version):
                names.append(_pattern(model, operator))
        return (*self.in_float, *names)


def for_runtime(data: bytes, runtime: Version | None) -> ForRuntime:
    """Rewrite what a runtime does not know of a float32 .tflite, where there is a way."""
    if runtime is None:
        return ForRuntime(data)
    model = TFLiteModel(data)
    written: list[Any] = []
    kinds: dict[str, None] = {}
    in_float: list[str] = []
    for operator in model.operators:
        kind, place = model.kind(operator), Place(model, operator)
        too_new = since(kind, model.version(operator)) > runtime
        if not (too_new and kind in REWRITES and REWRITES[kind](place)):
            written.append(operator)
            continue
        written += place.written
        kinds[kind] = None
        if kind in _LOOKUPS:
            in_float += [_pattern(model, one) for one in place.written]
    model.operators = written
    return ForRuntime(model.dump() if kinds else data, runtime, tuple(kinds), tuple(in_float))


def _pattern(model: TFLiteModel, operator: Any) -> str:
    """The name of what an operator writes, in which `*` and `?` mean nothing."""
    return escape(model.name(int(operator.outputs[0])))
