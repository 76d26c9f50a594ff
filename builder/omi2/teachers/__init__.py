"""Where text comes from: servers, the embedded model, recorded generations."""

from omi2.teachers.pool import Job, ask, generate
from omi2.teachers.protocol import Completion, Request
from omi2.teachers.shelf import Shelf

__all__ = ["Completion", "Job", "Request", "Shelf", "ask", "generate"]
