"""DuckDB's way to read a CSV file gives what reading it row by row gives, or is not taken."""

import tempfile
from pathlib import Path

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular.looking import look
from springtide.connectors.tabular.staging import Staging
from springtide.domain.facts.ports import Head
from springtide.kit.errors import Refusal

_ODD = ('""', '"', 'a"b', '"a"', '"a,b"', '"a\nb"', '"a\r\nb"', ' "a"', '"a" ', '"a""b"', '"a"b')
_CELLS = st.one_of(
    st.sampled_from([*_ODD, "", "a", "1", " ", "\t", "\u3000", "\xa0", "张三", "\ufeff", "x" * 40]),
    st.text('ab",\n\r\t ;|张\u3000\x1c', max_size=4),
)
_ROWS = st.lists(st.lists(_CELLS, min_size=1, max_size=4).map(",".join), min_size=1, max_size=6)
# As a program writes them: in quotes where need be, as many cells as the header has.
_NEAT_CELLS = st.one_of(
    st.sampled_from(
        ["", "a", "1", "张三", " x ", '""', '"a,b"', '"a""b"', '" "', "\u3000", "\ufeff"]
    ),
    st.text('ab",\n\r\t;张\u3000', max_size=4).map(
        lambda text: f'"{text.replace(chr(34), chr(34) * 2)}"'
    ),
)
_NEAT = st.lists(
    st.lists(_NEAT_CELLS, min_size=3, max_size=3).map(",".join), min_size=1, max_size=6
)
_HEADERS = st.sampled_from(["a,b,c", "a,b", "\ufeffa,b,c", "note\na,b,c", '"x\ny",b'])
_ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def _staged(
    head: Head, *, is_plain: bool
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]], bool]:
    """Return the staged rows, the rejected ones, and whether DuckDB read the file."""
    header = 1 if head.rows[0] == ("note",) else 0
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        stage = (Staging if is_plain else _RowByRow)(connection, Path(folder))
        stage.load(head, header)
        staged = connection.execute("select * from staged order by row_no").fetchall()
        rejected = connection.execute(
            "select row_no, reason from rejected order by 1, 2"
        ).fetchall()
        return staged, rejected, stage.was_plain


class _RowByRow(Staging):
    def _load_plain(self, head: Head, count: int, above: int) -> bool:
        return False


@settings(max_examples=400, deadline=None)
@given(
    header=_HEADERS,
    rows=st.one_of(_ROWS, _NEAT),
    end=_ENDS,
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16"]),
)
@example(header="a,b", rows=['"",""', "1,2", " , "], end="\n", encoding="utf-8")
@example(header="a,b", rows=['1,"a\r\nb"'], end="\r\n", encoding="utf-8")
def test_both_ways_to_read_a_csv_file_agree(
    header: str, rows: list[str], end: str, encoding: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_bytes(end.join((header, *rows, "")).encode(encoding))
        try:
            (head,) = look(path, encoding=None if encoding == "utf-8" else encoding)
        except Refusal:
            return
        plain = _staged(head, is_plain=True)
        assert plain[:2] == _staged(head, is_plain=False)[:2]


def test_a_clean_file_is_read_by_duckdb(tmp_path: Path) -> None:
    text = "编号,名称,数量\n" + "".join(f'{n},"茶, {n}号",{n % 7}\n' for n in range(20_000))
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(text.encode(encoding))
        (head,) = look(path)
        staged, rejected, was_plain = _staged(head, is_plain=True)
        assert was_plain, encoding
        assert rejected == []
        assert staged[0] == (2, "0", "茶, 0号", "0")
        assert [row[0] for row in staged] == list(range(2, 20_002))
        assert all(row[1] == str(row[0] - 2) for row in staged)  # type: ignore[operator]
