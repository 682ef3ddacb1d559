"""Which passwords are refused, and which are not."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from springtide.domain.access.passwords import (
    LENGTH_MAX,
    CommonPassword,
    WeakPassword,
    checked_password,
)

EMAIL = "li.mei@xiaoman-tea.example"
NAMES = ("李梅 Li Mei", "小满茶铺", "xiaoman")


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword", "password1234", "iloveyouforever", "123456789012345", "qwertyuiop[]",
        "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "P@ssw0rd2024", "springtide123", "Springtide2025",
        "xiaomanxiaoman", "li.mei@xiaoman-tea.example", "LiMeiLiMeiLiMei",
        "小满茶铺小满茶铺小满茶铺",
        "drowssapdrowssap",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(CommonPassword):
        checked_password(password, email=EMAIL, names=NAMES)


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "x" * (LENGTH_MAX + 1)])
def test_a_length_out_of_bounds_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        checked_password(password, email=EMAIL, names=NAMES)


@pytest.mark.parametrize(
    "password",
    [
        "quiet harbour lights", "纸船 灯塔 十二月 苹果 铁轨", "xK9#fjwq20Lm",
        "no composition rules here",
        "🐚🌊🚀🧭🪁🎈🧩🎷🪴🥁🧵🛶", "a b c of lonely tins " * 9,
    ],
)  # fmt: skip
def test_long_ones_of_any_letters_are_taken_as_they_are(password: str) -> None:
    assert checked_password(password, email=EMAIL, names=NAMES) == password


def test_the_names_of_one_person_do_not_count_for_another_at_the_same_time() -> None:
    def choose(number: int) -> bool:
        mine = f"Wobbleton{number} Quaxterly{number}"
        try:
            checked_password(
                f"wobbleton{number}quaxterly{number}", email="a@b.example", names=[mine]
            )
        except CommonPassword:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(choose, range(40)))
