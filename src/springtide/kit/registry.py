"""One extension mechanism: classes in a named folder, or in an installed package's entry point."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from types import ModuleType
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Registry(Generic[Member], Mapping[str, type[Member]]):
    """The members of one kind of extension, by their ``kind``; checked when first looked at.

    A member is a public class, defined in a module of ``package`` or named by an entry point of
    the group ``springtide.<name>``, that has a text ``kind`` and the attributes of ``protocol``.
    """

    def __init__(self, name: str, package: str, protocol: type[Member]) -> None:
        self.name = name
        self._packages = [package]
        self._protocol = protocol
        self._members: dict[str, type[Member]] | None = None

    def include(self, package: str) -> None:
        """Take in the members of one more package."""
        if package not in self._packages:
            self._packages.append(package)
            self._members = None

    def leave_out(self, package: str) -> None:
        """Take the members of a package that was included out again."""
        self._packages.remove(package)
        self._members = None

    def __getitem__(self, kind: str) -> type[Member]:
        return self._found()[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())

    def _found(self) -> dict[str, type[Member]]:
        if self._members is None:
            members: dict[str, type[Member]] = {}
            for candidate in self._candidates():
                self._check(candidate)
                kind = candidate.kind  # type: ignore[attr-defined]
                if kind in members and members[kind] is not candidate:
                    raise TypeError(f"{self.name} {kind!r} is declared twice")
                members[kind] = candidate
            self._members = dict(sorted(members.items()))
        return self._members

    def _candidates(self) -> Iterator[type[Member]]:
        for name in self._packages:
            package = importlib.import_module(name)
            for info in pkgutil.iter_modules(package.__path__):
                yield from _public_classes(importlib.import_module(f"{name}.{info.name}"))
        for point in entry_points(group=f"springtide.{self.name}"):
            yield point.load()

    def _check(self, candidate: type[Member]) -> None:
        wanted = {
            name
            for cls in self._protocol.__mro__
            if cls not in (object, Generic)
            for name in (*vars(cls), *getattr(cls, "__annotations__", {}))
            if not name.startswith("_")
        }
        missing = sorted(name for name in wanted if not hasattr(candidate, name))
        if missing:
            place = f"{candidate.__module__}.{candidate.__qualname__}"
            raise TypeError(f"{place} is no {self.name}: it lacks {', '.join(missing)}")


def _public_classes(module: ModuleType) -> Iterator[type]:
    for name, value in vars(module).items():
        if (
            inspect.isclass(value)
            and value.__module__ == module.__name__
            and not name.startswith("_")
            and "kind" in vars(value)
        ):
            yield value
