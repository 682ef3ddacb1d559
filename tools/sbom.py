"""Write the software bill of materials: ``python -m tools.sbom [FILE]``, CycloneDX 1.6 in JSON.

It names every package that the locks pin (version, digests, licence, who wants it), of Python and
of the browser alike; what only set-up and tests use is marked as such.
"""

import sys
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from tools.pins import ROOT, Pin, pins

FILE = ROOT / "dist" / "springtide.cdx.json"


class NotValid(Exception):
    """The document is not what the standard's schema asks for."""


def main() -> None:
    """Write the file that the command line names, or dist/springtide.cdx.json."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    found = pins()
    document = write(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document + "\n", encoding="utf-8")
    of_run = sum(pin.purpose == "run" for pin in found)
    sys.stdout.write(
        f"{path}: {len(found)} packages, {of_run} of them in the running shop (CycloneDX 1.6)\n"
    )


def write(found: list[Pin]) -> str:
    """Return the bill of these packages as JSON; raises NotValid."""
    bom = Bom()
    bom.metadata.component = root = Component(
        name="springtide",
        version=_own_version(),
        type=ComponentType.APPLICATION,
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        bom_ref="springtide",
    )
    components = {(pin.ecosystem, pin.name, pin.version): _component(pin) for pin in found}
    of_name: dict[tuple[str, str], list[Component]] = {}
    for (ecosystem, name, _), component in components.items():
        bom.components.add(component)
        of_name.setdefault((ecosystem, name), []).append(component)
    for pin in found:
        component = components[pin.ecosystem, pin.name, pin.version]
        wanted_by = [
            each for name in pin.wanted_by for each in of_name.get((pin.ecosystem, name), [])
        ]
        for parent in wanted_by:
            bom.register_dependency(parent, [component])
        if not wanted_by:
            bom.register_dependency(root, [component])
    document = JsonV1Dot6(bom).output_as_string(indent=1)
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(document):
        raise NotValid(str(problem))
    return document


def _component(pin: Pin) -> Component:
    kind = "pypi" if pin.ecosystem == "PyPI" else "npm"
    namespace, _, name = pin.name.rpartition("/")
    purl = PackageURL(kind, namespace or None, name, pin.version)
    notes = {"purpose": pin.purpose, "lock": pin.lock, "marker": pin.marker}
    return Component(
        name=pin.name,
        version=pin.version,
        bom_ref=str(purl),
        purl=purl,
        scope=ComponentScope.REQUIRED if pin.purpose == "run" else ComponentScope.EXCLUDED,
        licenses=_licences(pin),
        hashes=[HashType(alg=HashAlgorithm(alg), content=digest) for alg, digest in pin.hashes],
        properties=[
            Property(name=f"springtide:{name}", value=value)
            for name, value in notes.items()
            if value
        ],
    )


def _licences(pin: Pin) -> list[License]:
    text = pin.licence or (_told_licence(pin.name) if pin.ecosystem == "PyPI" else "")
    return [LicenseFactory().make_from_string(text)] if text else []


def _told_licence(name: str) -> str:
    """Return what an installed package says of its licence; nothing where it is not installed."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if "License-Expression" in told:
        return str(told["License-Expression"])
    named = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or []
        if each.startswith("License :: ") and not each.endswith(":: OSI Approved")
    ]
    # Some put the whole text into the field.
    written = str(told["License"]).strip() if "License" in told else ""
    return " AND ".join(named) if named else written if len(written) <= 80 else ""


def _own_version() -> str:
    return metadata.version("springtide")


if __name__ == "__main__":
    main()
