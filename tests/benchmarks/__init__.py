"""Benchmarks: ours beside the raw limit, in one run. ``./dev bench NAME``; never a timed test."""
