"""Lessons on real PyTorch: predict, do, see, explain.

A lesson is one file here and a script in ``scripts/``: what the learner reads, which settings the
script takes, and how a run of the script answers a question. ``school`` serves them.
"""
