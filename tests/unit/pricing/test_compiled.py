"""Compiled or interpreted, the same carts cost the same to the byte."""

import hashlib
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from springtide.domain.pricing import IS_COMPILED
from springtide.domain.pricing.engine import price
from springtide.domain.pricing.plan import Plan
from tests.bench.price import NOW, carts, rules, shop

ROOT = Path(__file__).parents[3]


def digest() -> str:
    """Return a hash of the decisions over some hundred carts under a hundred rules."""
    chance = random.Random(11)
    book, made = shop(chance), rules(100, chance)
    plan = Plan(made)
    found = hashlib.sha256()
    for cart in carts(book, chance, 300):
        found.update(price(cart, plan=plan, book=book, now=NOW).to_json().encode())
    return found.hexdigest()


@pytest.mark.skipif(not IS_COMPILED, reason="pricing runs interpreted here")
def test_machine_code_decides_as_the_sources_do(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("compiled", "static", "__pycache__")
    shutil.copytree(ROOT / "src" / "springtide", tmp_path / "springtide", ignore=ignored)
    program = (
        "from tests.unit.pricing.test_compiled import digest\n"
        "from springtide.domain.pricing import IS_COMPILED\n"
        "assert not IS_COMPILED\n"
        "print(digest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest()


def test_compiled_modules_of_other_sources_are_not_used(tmp_path: Path) -> None:
    house = tmp_path / "springtide"
    ignored = shutil.ignore_patterns("static", "__pycache__")
    shutil.copytree(ROOT / "src" / "springtide", house, ignore=ignored)
    with (house / "domain/pricing/search.py").open("a") as source:
        source.write("\nCHANGED = True\n")
    program = (
        "from springtide.domain.pricing import IS_COMPILED, search\n"
        "assert search.CHANGED and not IS_COMPILED\n"
    )
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, check=True)
