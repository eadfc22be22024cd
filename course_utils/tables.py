"""Numbers in rows and columns: HTML in a notebook, text in a terminal. Lessons 4, 5 and 6."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Column:
    """How to format a column, and which of its values is best.

    Args:
        title: its heading.
        format: a format specification, as for the built-in `format`.
        best: `min` or `max`; None to mark no value.
    """

    title: str
    format: str = ""
    best: Callable | None = None


class Table:
    """A table for the last line of a notebook cell. In HTML the best value of a column is bold.

    Args:
        columns: from left to right, after the names of the rows.
        rows: name -> one number or string per column; None leaves a cell empty.
        caption: what the numbers were measured on.
    """

    def __init__(
        self, columns: Sequence[Column], rows: Mapping[str, Sequence[object]], caption: str = ""
    ) -> None:
        self.columns, self.rows, self.caption = columns, rows, caption

    def __str__(self) -> str:
        lines = [["", *(column.title for column in self.columns)]]
        lines += [[name, *self._texts(name)] for name in self.rows]
        wide = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        text = [
            "  ".join([name.ljust(wide[0]), *map(str.rjust, cells, wide[1:])])
            for name, *cells in lines
        ]
        return "\n".join([*filter(None, [self.caption]), *text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        right = ' style="text-align: right"'
        head = "".join(f"<th{right}>{escape(column.title)}</th>" for column in self.columns)
        best, body = [self._best(number) for number in range(len(self.columns))], ""
        for name in self.rows:
            texts = [escape(text) for text in self._texts(name)]
            cells = [
                f"<td{right}><b>{text}</b></td>" if text == mark else f"<td{right}>{text}</td>"
                for text, mark in zip(texts, best, strict=True)
            ]
            body += f'<tr><th style="text-align: left">{escape(name)}</th>{"".join(cells)}</tr>'
        caption = f"<p>{escape(self.caption)}</p>" if self.caption else ""
        table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{caption}{table}"

    def _texts(self, name: str) -> list[str]:
        values = zip(self.rows[name], self.columns, strict=True)
        return ["" if value is None else format(value, column.format) for value, column in values]

    def _best(self, number: int) -> str | None:
        """The best value of a column as formatted, so that all ties are marked."""
        column = self.columns[number]
        values = [row[number] for row in self.rows.values() if row[number] is not None]
        return format(column.best(values), column.format) if column.best and values else None


def metrics_table(rows: dict[str, dict]) -> Table:
    """Compare models in a table; `rows` maps a name to the result of `metrics.evaluate`."""
    first = next(iter(rows.values()))
    count = first["pictures"]
    columns = [
        Column("MSE(ab)", ".1f", min),
        Column("95 %"),
        Column("AuC %", ".2f", max),
        Column("rebal %", ".2f", max),
        Column("CIEDE2000", ".2f", min),
        Column("PSNR dB", ".2f", max),
        Column("SSIM", ".3f", max),
        Column("colorful", ".1f"),
    ]
    values = {
        name: (
            row["mse_ab"],
            "{:.1f}–{:.1f}".format(*ends) if (ends := row["intervals"]["mse_ab"]) else "too few",
            100 * row["auc"],
            100 * row["auc_rebalanced"],
            row["delta_e"],
            row["psnr"],
            row["ssim"],
            row["colorfulness"],
        )
        for name, row in rows.items()
    }
    return Table(
        columns,
        values,
        f"{count} picture{'s' * (count > 1)} at {first['size']}x{first['size']}, each with its own "
        f"L; the originals' colorfulness is {first['colorfulness_of_originals']:.1f}",
    )
