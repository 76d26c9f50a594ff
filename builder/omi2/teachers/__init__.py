"""Where text comes from: servers, the embedded model, recorded generations."""

from omi2.teachers.pool import Job, generate
from omi2.teachers.protocol import Completion, Request

__all__ = ["Completion", "Job", "Request", "generate"]
