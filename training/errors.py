"""Errors of learning; the tree starts in `envs.errors`."""

from __future__ import annotations

from envs.errors import WalkfastError


class TrainingError(WalkfastError):
    """A training that cannot start or go on."""


class ModelError(WalkfastError):
    """A saved model that cannot be read or does not fit its use."""


class StoreError(WalkfastError):
    """A results folder that cannot be written, or a file in it that cannot be believed."""
