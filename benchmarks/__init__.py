"""Figures that a machine can be asked for, such as `python -m benchmarks.reconcile`. They print what was measured."""
