import json
import math
from xml.etree import ElementTree

from rich.console import Console

from ca_deploy.quantization.sensitivity import Sensitivity
from ca_deploy.report.sensitivity import sensitivity_document, sensitivity_plot, sensitivity_table

FOUND = [
    Sensitivity(7, "mul_3", "MUL", 36.5, 0.9, 1.1),
    Sensitivity(2, "<conv>", "CONV_2D", 46.0, 0.1, -0.2),
]


def test_the_table_the_json_and_the_plot_show_every_operator():
    console = Console(record=True, width=100)
    console.print(sensitivity_table(FOUND))
    text = console.export_text()
    assert [name in text for name in ("mul_3", "<conv>", "90.0%", "-0.2")] == [True] * 4
    assert [row["name"] for row in sensitivity_document(FOUND)] == ["mul_3", "<conv>"]
    bars = ElementTree.fromstring(sensitivity_plot(FOUND)).findall("{http://www.w3.org/2000/svg}rect")
    assert float(bars[-1].get("width")) > 5 * float(bars[0].get("width"))


def test_what_is_no_number_is_null_for_machines():
    (row,) = sensitivity_document([Sensitivity(0, "add", "ADD", math.inf, math.nan, -math.inf)])
    assert (row["alone_db"], row["share"], row["gain_db"]) == (None, None, None)
    json.dumps(row, allow_nan=False)
