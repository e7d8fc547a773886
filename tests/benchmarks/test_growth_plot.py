"""The plot of growth: a line for each route in each panel, from 0 to the largest value."""

from xml.etree import ElementTree

from benchmarks.growth_plot import Panel, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_each_route_is_one_line_of_its_points_in_each_panel() -> None:
    panels = [
        Panel("ms over input", {"ours": [(96, 1.0), (224, 4.0)], "a < b": [(96, 2.0), (224, 8.0)]}),
        Panel("ms over batch", {"ours": [(1, 4.0), (2, 3.9), (4, 3.8)]}),
    ]
    drawn = ElementTree.fromstring(svg(panels))
    lines = [line.attrib["points"].split() for line in drawn.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [2, 2, 3]
    heights = [float(point.split(",")[1]) for line in lines[:2] for point in line]
    floor = 2 * heights[0] - heights[2]  # 0 lies as far below 1 as 1 below 2
    assert heights[1] - floor == 4 * (heights[0] - floor)
    assert {text.text for text in drawn.iter(f"{SVG}text")} >= {"ours", "a < b", "224", "0"}
