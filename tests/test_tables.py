import xml.etree.ElementTree as ET

from course_utils.tables import Column, Table

COLUMNS = [Column("error", ".1f", min), Column("95 %"), Column("AuC %", ".2f", max)]
ROWS = {
    "gray": (200.04, "190–210", 89.0),
    "a <network>": (150.0, "140–160", 91.004),
    "another": (150.01, None, 91.001),
    "unmeasured": (None, None, None),
}


def test_text_is_aligned_at_the_right_and_leaves_out_what_is_missing() -> None:
    assert str(Table(COLUMNS, ROWS, "4 models")).splitlines() == [
        "4 models",
        "             error     95 %  AuC %",
        "gray         200.0  190–210  89.00",
        "a <network>  150.0  140–160  91.00",
        "another      150.0           91.00",
        "unmeasured                        ",
    ]


def test_html_marks_the_best_and_all_that_are_written_like_it() -> None:
    root = ET.fromstring(f"<div>{Table(COLUMNS, ROWS)._repr_html_()}</div>")
    head, *body = root.findall(".//tr")
    assert [cell.text for cell in head] == [None, "error", "95 %", "AuC %"]
    cells = {row[0].text: ["".join(cell.itertext()) for cell in row[1:]] for row in body}
    assert cells["a <network>"] == ["150.0", "140–160", "91.00"]
    bold = {row[0].text: [cell.find("b") is not None for cell in row[1:]] for row in body}
    assert bold == {
        "gray": [False, False, False],
        "a <network>": [True, False, True],
        "another": [True, False, True],
        "unmeasured": [False, False, False],
    }
