"""omi2_hub publishes what omi2 built: versioned, atomic, verified, and able to be taken back.

A newcomer reads `push` (what happens to a release), `gates` (what stops it) and `plan` (what both
are told). `omi2_hub` takes the schema from `omi2.rows` and nothing else of `omi2`: manifests,
cards and reports are read as files.
"""
