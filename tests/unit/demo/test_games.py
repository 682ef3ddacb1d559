"""The demo's games: all can be published, refer to their draw, and stay when built again."""

from springtide.demo import rewards, story
from springtide.domain.access.operations import create_shop
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.queries import rewards_page
from springtide.domain.rewards.tickets import draw_of, ticketed_draws
from tests.kit.house import ACTOR, TestHouse
from tests.kit.storefront import open_sale, stock_shelves


def test_the_games_of_the_demo(sqlite_house: TestHouse) -> None:
    house = sqlite_house
    with house.db.write() as tx:
        shop = create_shop(
            tx, slug="demo", name="Demo", currency="USD", zone_name=story.ZONE, is_demo=True,
            actor=ACTOR, now=story.BOOK_AT,
        )  # fmt: skip
    stock_shelves(house.db, shop, now=story.BOOK_AT)
    sale = open_sale(house.db, shop, day=story.SALE_DAY, now=story.BOOK_AT)
    for _ in range(2):
        rewards.prepare(house, shop, sale)
    with house.db.read() as tx:
        found = rewards_page(tx, shop=shop)
        draws = ticketed_draws(tx, shop=shop, now=story.OPENS_AT)
    assert sorted(each.name for each in found) == sorted(name for _, name, _, _ in rewards.GAMES)
    assert {str(each.state) for each in found} == {"published"}
    games = {each.name: read_game(each.kind, each.params) for each in found}
    # Buying, points, a task and a privilege lead to the one draw that takes tickets.
    (draw,) = draws
    assert sum(draw_of(game) == draw.key for game in games.values()) == 4
    assert any(each.terms.tiers for each in found)
    # On each day of the week there is exactly one of the two themes.
    themes = [each.terms.weekdays for each in found if each.terms.weekdays]
    assert sorted(day for days in themes for day in days) == list(range(7))
    assert len(themes) == 2
