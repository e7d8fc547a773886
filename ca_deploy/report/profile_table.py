"""The tables of `ca-deploy profile`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from ca_deploy.bench.profile.run import OperatorCost, Profile


def tables(profile: Profile) -> Iterator[RenderableType]:
    """Everything that is shown of a profile, in order."""
    yield _operators(profile)
    if profile.blocks:
        yield _blocks(profile)
    yield escape(_summary(profile))


def _operators(profile: Profile) -> Table:
    """Time for each kind of operator, the dearest first."""
    kinds: defaultdict[tuple[str, str], list[OperatorCost]] = defaultdict(list)
    for operator in profile.operators:
        kinds[operator.name, operator.runs_on].append(operator)
    table = Table(
        title=escape(f"{profile.file.name} on {profile.device}, {profile.runtime}"), title_justify="left"
    )
    for heading in ("operator", "runs on"):
        table.add_column(heading)
    for heading in ("count", "µs", "µs with rest", "share", "in attention"):
        table.add_column(heading, justify="right")
    for (name, runs_on), mine in sorted(kinds.items(), key=lambda item: -_told(item[1])):
        attention = sum(one.block is not None for one in mine)
        figures = _figures(len(mine), _told(mine), profile)
        table.add_row(escape(name), runs_on, str(len(mine)), *figures, str(attention) if attention else "")
    return table


def _blocks(profile: Profile) -> Table:
    """Time for each attention block."""
    table = Table()
    for heading in ("attention block", "on (NHWC)", "operators", "µs", "µs with rest", "share"):
        table.add_column(heading, justify="left" if heading == "on (NHWC)" else "right")
    for place, block in enumerate(profile.blocks or (), start=1):
        shape = "x".join(map(str, block.input_shape))
        figures = _figures(block.operators, block.microseconds, profile)
        table.add_row(str(place), shape, str(block.operators), *figures)
    return table


def _summary(profile: Profile) -> str:
    took, whole, rest = profile.attention_microseconds, profile.whole_microseconds, profile.rest_per_operator
    if took is None:
        attention = "Which operators are attention cannot be told."
    else:
        attention = f"Attention: {took:.0f} µs, {took / whole:.1%}, in {len(profile.blocks or ())} blocks."
    return (
        f"{whole:.0f} µs in {len(profile.operators)} operators, {profile.runs} runs. {attention} "
        f"The runtime rounds each operator down to whole microseconds; the rest of the run, {rest:.2f} µs "
        "for each operator, is spread evenly."
    )


def _figures(count: int, told: float, profile: Profile) -> tuple[str, str, str]:
    """What the runtime tells of some operators, the same with their part of the rest, and its share."""
    took = told + count * profile.rest_per_operator
    return f"{told:.0f}", f"{took:.0f}", f"{took / profile.whole_microseconds:.1%}"


def _told(operators: list[OperatorCost]) -> float:
    return sum(one.microseconds for one in operators)
