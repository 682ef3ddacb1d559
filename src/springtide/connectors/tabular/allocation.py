"""A query built level on level, with money of a group split over its rows."""


class Levels:
    """A query over rows with ``row_no``, ``line_no`` and a column that parts them in groups.

    Each level may use the columns of those below it. ``is_single`` says that each row is a group
    of its own, and gets all of what is split.
    """

    def __init__(self, query: str, *, partition: str, is_single: bool = False) -> None:
        self.query = query
        self._partition = partition
        self._is_single = is_single

    def add(self, **columns: str) -> None:
        """Add columns, by expressions over those that are there."""
        fields = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
        self.query = f"select *, {fields} from ({self.query})"

    def replace(self, **columns: str) -> None:
        """Give columns other values, by expressions over all of them."""
        if columns:
            fields = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
            self.query = f"select * replace ({fields}) from ({self.query})"

    def split(self, name: str, *, total: str, weight: str) -> None:
        """Add the group's total split over its rows by weight, as ``kit.money.split`` does it.

        Largest remainder: each row gets its share rounded down, and the units that are left go to
        the largest remainders, the earlier row first. Equal parts where all weights are 0.
        """
        if self._is_single:
            self.add(**{name: f"cast(coalesce({total}, 0) as bigint)"})
            return
        rows = f"over (partition by {self._partition})"
        self.add(
            of_total=f"cast(coalesce({total}, 0) as hugeint)",
            of_weight=f"case when sum({weight}) {rows} > 0 then coalesce({weight}, 0) else 1 end",
        )
        self.add(of_sum=f"sum(of_weight) {rows}")
        self.add(of_base="of_total * of_weight // of_sum", of_rest="of_total * of_weight % of_sum")
        self.add(
            of_left=f"of_total - sum(of_base) {rows}",
            of_turn=f"row_number() over (partition by {self._partition} "
            "order by of_rest desc, row_no, line_no)",
        )
        self.query = (
            "select * exclude (of_total, of_weight, of_sum, of_base, of_rest, of_left, of_turn), "
            f"cast(of_base + case when of_turn <= of_left then 1 else 0 end as bigint) as {name} "
            f"from ({self.query})"
        )
