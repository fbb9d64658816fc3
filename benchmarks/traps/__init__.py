"""The same traps, put to the training loops of several libraries; `python -m benchmarks.traps`."""
