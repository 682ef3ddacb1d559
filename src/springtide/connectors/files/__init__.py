"""Export formats, one module each: a class with ``kind``, ``recognise`` and ``read``."""

from springtide.domain.imports.ports import FileFormat
from springtide.kit.registry import Registry

FORMATS: Registry[FileFormat] = Registry("format", "springtide.connectors.files", FileFormat)  # type: ignore[type-abstract]
