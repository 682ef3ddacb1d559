"""Metrics, one file each: to add a number to the board and the review is to add one file."""

from springtide.domain.board.model import Metric
from springtide.kit.registry import Registry

METRICS: Registry[Metric] = Registry("metric", "springtide.domain.board.metrics", Metric)
