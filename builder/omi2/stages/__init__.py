"""The stages, one verb a file. Each is `run(recipe, run) -> Report` and imports no other."""
