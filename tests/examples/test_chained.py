"""`examples/chained/`: the second flow is given what the first has made, whatever runs them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("executor", ["thread", "process", pytest.param("docker", marks=pytest.mark.docker)])
def test_the_second_flow_reports_on_what_the_first_has_made(project, example, read, executor):
    example("chained")
    result = project.python("main.py", LAMINAR_EXECUTOR=executor, LAMINAR_PROGRESS="quiet")
    assert (result.code, result.out) == (0, "the 5, saw 3, cat 2\n"), result.err
    ids = read(
        first="[run.id for run in CleanFlow().executions()]",
        second="[run.id for run in ReportFlow().executions()]",
        words="ReportFlow().executions()[0].parameters.words[:3]",
    )
    assert ids["first"] == ids["second"]
    assert ids["words"] == ["the", "cat", "saw"]
