"""Side by side with other converters: `python -m benchmarks --help`."""
