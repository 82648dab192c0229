"""What a benchmark hands over: a value, the floor it was measured beside, and what was promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """`value` and `floor` in `unit`. The floor is the least that anybody would have to do, from the same run.

    `target` and `share` (of the floor) are what was promised: `at` "most" or "least" that much.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    target: float | None = None
    share: float | None = None
    at: Literal["most", "least"] = "most"

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def kept(self) -> bool:
        return self._holds(self.value, self.target) and self._holds(self.ratio, self.share)

    def promise(self) -> str:
        sign = "≤" if self.at == "most" else "≥"
        words = [f"{sign} {_number(self.target)} {self.unit}"] if self.target is not None else []
        words += [f"{sign} {self.share:.2f} of the floor"] if self.share is not None else []
        return ", ".join(words) or "-"

    def _holds(self, measured: float | None, promised: float | None) -> bool:
        if measured is None or promised is None:
            return True
        return measured <= promised if self.at == "most" else measured >= promised


def show(figures: Sequence[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("figure", "value", "floor", "ratio", "promised", ""):
        table.add_column(column, justify="left" if column in ("figure", "promised", "") else "right")
    for figure in figures:
        floor = f"{_number(figure.floor)} {figure.unit}" if figure.floor is not None else "-"
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else "-"
        promised = figure.promise()
        verdict = "" if promised == "-" else "kept" if figure.kept else "[red]missed[/red]"
        table.add_row(figure.name, f"{_number(figure.value)} {figure.unit}", floor, ratio, promised, verdict)
    Console(width=140).print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
