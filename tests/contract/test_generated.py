"""What is derived from the code is as the code would write it today."""

from pathlib import Path

import pytest

from tools.generate import ROOT, generated


@pytest.mark.parametrize("path", generated())
def test_the_generated_file_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == generated()[path], "run make generate"


def test_the_check_notices_a_page_that_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for path, text in generated().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "docs/controls.md").write_text("# Controls\n")
    monkeypatch.setattr("tools.generate.ROOT", tmp_path)

    from tools.generate import main  # noqa: PLC0415

    assert main(["--check"]) == 1
