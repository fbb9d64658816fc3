"""What hangs on an optimizer or a model, one file each; every piece works in anybody's own loop."""
