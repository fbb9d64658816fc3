"""The parts of the campaign, in the order in which they are run."""

from __future__ import annotations

from . import crafted, damages, kills
from .trials import Part

PARTS = {
    "kills": Part("killed by SIGKILL, 24 configurations", kills.trial, 1200, 48),
    "power": Part("the power cut inside a save, 24 configurations", kills.power, 480, 24),
    "damages": Part("500 damages each to the files, and the audit hook", damages.trial, 220, 8),
    "crafted": Part("250 checkpoints each, crafted with the right hash", crafted.trial, 80, 4),
}
