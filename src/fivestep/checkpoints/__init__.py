"""Checkpoints on disk: small safe files, and what a training consists of between two iterations."""
