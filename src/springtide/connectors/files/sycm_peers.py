"""生意参谋's comparison with peers: 本店, 同行同层平均, 同行同层优秀, as rows or as columns.

A peer's value that the platform does not show stays missing: it is never 0.
"""

from typing import ClassVar

from springtide.connectors.files.sycm_products import SOURCE
from springtide.connectors.tabular.mapping import MissingColumns, header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

#: Whose number it is, in the platform's words and in ours.
OF = {
    "本店": "own",
    "我的店铺": "own",
    "同行同层平均": "peer mean",
    "同行同层均值": "peer mean",
    "同行同层优秀": "peer excellent",
}
_PEERS = {name for name, of in OF.items() if of != "own"}


class SycmPeers:
    """生意参谋: own and peer rows."""

    kind: ClassVar[str] = "sycm_peers"
    label: ClassVar[str] = N_("Sycm: own shop and peers")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 80 where the first rows name peers."""
        return 80 if _label(head) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the rows and say how they are read."""
        found = _label(head)
        if found is None:
            seen = ", ".join(head.rows[0])[:1000]
            raise MissingColumns(file=head.name, missing="同行同层平均", seen=seen)
        header, name = found
        loaded = stage.load(head, header_row(head, {name}) if header is None else header)
        columns = {each.strip(): column for each, column in loaded.items()}
        table = MeasureTable(
            source=SOURCE,
            section="peers",
            columns=columns,
            words={"day": ("日期", "统计日期"), "of": name, "about": ("终端", "指标")},
            options=options,
            head=head,
            stage=stage,
            left_out=f'"of" is null or "of" not in ({", ".join(map(quoted, OF.values()))})',
        )
        reading = table.reading()
        whens = " ".join(f"when {quoted(told)} then {quoted(ours)}" for told, ours in OF.items())
        told = dict(reading.values)
        told["of"] = f"case {told['of']} {whens} end"
        return Reading(
            reading.source, told, reading.checks, reading.emits, labels=reading.labels,
            left_out=reading.left_out,
        )  # fmt: skip


def _label(head: Head) -> tuple[int | None, str] | None:
    """Return the header's row and the column whose cells say whose numbers a row has."""
    for number, row in enumerate(head.rows):
        for place, cell in enumerate(row):
            if cell.strip() in _PEERS:
                for above in range(number - 1, -1, -1):
                    cells = head.rows[above]
                    name = cells[place].strip() if place < len(cells) else ""
                    if name and name not in OF and len([each for each in cells if each]) > 2:
                        return above, name
    return None
