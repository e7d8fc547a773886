"""Core ML: a passed graph as an ML program, without a converter in between."""
