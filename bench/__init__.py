"""Benchmarks of whygrad against PyTorch, measured in one process; start at `python -m bench`."""
