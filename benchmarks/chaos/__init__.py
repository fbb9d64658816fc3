"""The campaign against checkpoints: kills, damages, full disks. See ``__main__``."""
