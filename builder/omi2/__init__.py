"""omi2 makes math instruction data: seeds in, a decontaminated, graded, versioned dataset out.

The pipeline is a page: `omi2/pipeline.py`. The table it makes is in `omi2/rows.py`.
"""

__version__ = "0.1.0"
