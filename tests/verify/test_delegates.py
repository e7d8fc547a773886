"""The table of XNNPACK's conditions, held by one-operator models that LiteRT really loads."""

from __future__ import annotations

import pytest

from ca_deploy.runtimes import Quantization
from ca_deploy.runtimes.litert import LiteRT, Node
from ca_deploy.verify.delegates import check_delegation, delegated_nodes
from ca_deploy.verify.node_facts import node_facts
from ca_deploy.verify.tflite_graph import TFLiteGraph
from ca_deploy.verify.xnnpack import XNNPACK_CONDITIONS, Condition, why_refused
from ca_deploy.verify.xnnpack.conditions import LITERT_2_3

IMAGE = (1, 4, 4, 8)
INT8 = Quantization((0.1,), (3,))

ROWS = [
    pytest.param(row, dtype, id=f"{row.operator}-{dtype}-{row.reason[:24]}")
    for row in XNNPACK_CONDITIONS
    for dtype in row.dtypes
    if LITERT_2_3 in row.versions
]


def never(probe: bytes) -> bool:
    raise AssertionError("the table knows this version")


@pytest.mark.parametrize(("row", "dtype"), ROWS)
def test_the_probe_is_refused_and_its_neighbour_taken(row: Condition, dtype: str) -> None:
    refused = check_delegation(row.probe(dtype))
    (node,) = refused.outside

    assert (refused.runtime, refused.nodes, refused.delegated, refused.partitions) == (LITERT_2_3, 1, 0, 0)
    assert (node.operator, node.reason) == (row.operator, row.reason)
    if row.neighbour:
        taken = check_delegation(row.neighbour(dtype))
        (facts,) = node_facts(row.neighbour(dtype))
        assert (taken.delegated, taken.partitions, taken.outside) == (1, 1, ())
        assert not row.applies(facts)


def chain(*operators: str) -> bytes:
    """An int8 graph of one ADD[RELU6] or one HARD_SWISH after the other."""
    graph = TFLiteGraph()
    tensors = [graph.tensor(IMAGE, "int8", quantization=INT8)]
    for operator in operators:
        tensors.append(graph.tensor(IMAGE, "int8", quantization=INT8))
        *_, before, after = tensors
        inputs = [before, before] if operator == "ADD" else [before]
        graph.node(operator, inputs, [after], "Add" if operator == "ADD" else "HardSwish")
    return graph.to_bytes(tensors[:1], tensors[-1:])


def test_an_operator_outside_cuts_the_graph_in_two() -> None:
    found = check_delegation(chain("ADD", "ADD", "HARD_SWISH", "ADD"))

    assert (found.nodes, found.delegated, found.partitions) == (4, 3, 2)
    (outside,) = found.outside
    assert (outside.index, outside.operator, outside.output) == (2, "HARD_SWISH", "t3")
    assert "lookup" in str(outside.reason)


def test_a_graph_taken_whole_has_one_partition() -> None:
    found = check_delegation(chain("ADD", "ADD", "ADD"))

    assert (found.nodes, found.delegated, found.partitions, found.outside) == (3, 3, 1, ())


def test_what_the_table_does_not_know_has_no_reason() -> None:
    graph = TFLiteGraph()
    scores, winner = graph.tensor((1, 8)), graph.tensor((1,), "int32")
    axis = graph.tensor((), "int32", value=1)
    graph.node("ARG_MAX", [scores, axis], [winner], "ArgMax", outputType=2)

    (outside,) = check_delegation(graph.to_bytes([scores], [winner])).outside

    assert (outside.operator, outside.reason) == ("ARG_MAX", None)


def test_the_members_of_partitions_are_those_that_single_operator_partitions_name() -> None:
    content = chain("ADD", "HARD_SWISH", "ADD", "ADD", "HARD_SWISH", "ADD")
    apart = [n for n in LiteRT(content, preserve_tensors=True).nodes if n.operator == "DELEGATE"]
    writers = {n.outputs: n.index for n in LiteRT(content).nodes if n.operator != "DELEGATE"}

    assert delegated_nodes(LiteRT(content).nodes) == {writers[n.outputs] for n in apart}


def test_a_partition_ends_where_its_inputs_begin() -> None:
    nodes = [
        Node(0, "A", (0,), (1,)),
        Node(1, "B", (1,), (2,)),
        Node(2, "C", (2,), (3,)),
        Node(3, "D", (3, 1), (4,)),
        Node(4, "DELEGATE", (2, 1), (4,)),
    ]

    assert delegated_nodes(nodes) == {2, 3}


@pytest.mark.parametrize("still_refused", [True, False])
def test_on_an_unknown_version_a_row_counts_only_when_its_probe_is_refused_there(still_refused: bool) -> None:
    (node,) = (n for n in node_facts(chain("HARD_SWISH")))

    reason = why_refused(node, "LiteRT 9.0.0", lambda probe: still_refused)

    assert (reason is not None) == still_refused


def test_the_table_is_not_asked_again_on_a_version_that_it_knows() -> None:
    (node,) = node_facts(chain("HARD_SWISH"))

    assert why_refused(node, LITERT_2_3, never)
