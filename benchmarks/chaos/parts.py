"""The parts of the campaign, in the order in which they are run."""

from __future__ import annotations

from . import crafted, damages, faults, fresh, kills, marathon, seeks, signals
from .trials import Part

PARTS = {
    "kills": Part("killed by SIGKILL, 25 configurations", kills.trial, 1750, 50),
    "power": Part("power cut inside a save, 25 configurations", kills.power, 625, 25),
    "fresh": Part("killed and started anew with other hashes", fresh.trial, 25, 1),
    "damages": Part("500 damages each, under an audit hook", damages.trial, 220, 6),
    "crafted": Part("250 crafted checkpoints each, their hashes right", crafted.trial, 80, 3),
    "faults": Part("a call of the disk answered with an error", faults.trial, 600, 18),
    "tmpfs": Part("a small tmpfs full at every stage", faults.tmpfs, 240, 6),
    "sigterm": Part("SIGTERM, both lives' updates counted", signals.trial, 240, 8),
    "worker": Part("a worker of the loader killed", signals.worker, 37, 1),
    "rivals": Part("two started at once in one folder", signals.rivals, 100, 3),
    "seeks": Part("resumed in a million samples", seeks.trial, 10, 1, alone=True),
    "marathon": Part("the line with 1,000 saves", marathon.trial, 1, 0, alone=True),
}
