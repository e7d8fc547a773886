"""Timing of artifacts on devices: the statistics of run times, and the devices themselves."""
