"""The lessons as files: their form, and every answer through its check.

That they run, and print what they say, is tested by nbval on notebooks/ itself.
"""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
ANSWER = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)


def tagged(cell: dict, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def exercises(lesson: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    """(stub, check, answer) of each exercise."""
    found = []
    for stub, check, text in zip(lesson.cells, lesson.cells[1:], lesson.cells[2:], strict=False):
        if tagged(stub, "exercise"):
            assert tagged(check, "check"), check.source
            answer = ANSWER.search(text.source)
            assert answer, f"no answer after {check.source}"
            found.append((stub.source, check.source, answer[1]))
    return found


def imports(lesson: nbformat.NotebookNode) -> str:
    """What the lesson imports, and whatever else its first cell after the set-up does."""
    code = (cell for cell in lesson.cells if cell.cell_type == "code")
    return next(cell.source for cell in code if not tagged(cell, "set-up"))


def test_form(lesson: nbformat.NotebookNode) -> None:
    assert lesson.metadata.kernelspec.name == "python3"  # opens without a question
    first = lesson.cells[0].source
    assert re.match(r"# \d · ", first)
    for part in ("you can**", "**You need**", "**Time:**"):
        assert part in first
    text = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    assert "## Summary" in text
    assert "## Exercises" in text
    assert "**Read on:**" in text
    levels = [len(hashes) for hashes in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_set_up_is_the_same_everywhere(lesson: nbformat.NotebookNode) -> None:
    cell = lesson.cells[1]
    assert tagged(cell, "set-up")
    assert cell.source == nbformat.read(LESSONS[0], 4).cells[1].source
    assert "torch " in cell.outputs[0].text  # it says versions and device
    assert "Device: " in cell.outputs[0].text


def test_outputs_are_real_and_in_order(lesson: nbformat.NotebookNode) -> None:
    code = [cell for cell in lesson.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for output in (output for cell in code for output in cell.outputs):
        assert output.output_type != "error"
        if output.output_type == "display_data":
            assert len(output.metadata["image/png"]["alt"]) > 40  # said in words
    assert len(nbformat.writes(lesson)) < 2_000_000


def test_two_exercises_at_least_and_every_answer_is_right(
    lesson: nbformat.NotebookNode, capsys: pytest.CaptureFixture
) -> None:
    assert len(exercises(lesson)) >= 2
    space: dict = {}
    exec(imports(lesson), space)
    for _, check, answer in exercises(lesson):
        source = "\n".join(line for line in answer.splitlines() if line != "my_result")
        exec(source, space)
        capsys.readouterr()
        exec(check, space)
        assert capsys.readouterr().out.startswith("✓"), answer


def test_an_untouched_stub_is_not_tried_yet(
    lesson: nbformat.NotebookNode, capsys: pytest.CaptureFixture
) -> None:
    space: dict = {}
    exec(imports(lesson), space)
    for stub, check, _ in exercises(lesson):
        exec(stub, space)
        capsys.readouterr()
        exec(check, space)
        assert "not tried yet" in capsys.readouterr().out, stub
