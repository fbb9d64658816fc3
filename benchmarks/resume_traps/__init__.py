"""One training, stopped and resumed by several libraries; `python -m benchmarks.resume_traps`."""
