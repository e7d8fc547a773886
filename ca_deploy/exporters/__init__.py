"""Exporters: from a graph to the file that a runtime reads."""
