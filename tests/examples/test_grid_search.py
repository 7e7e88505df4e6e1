"""`examples/grid_search/`: every pair is tried, the best is chosen, and tested on what the search has not seen."""

from __future__ import annotations

import pytest

GRID = [[c, gamma] for c in (0.1, 1.0) for gamma in (0.0001, 0.001, 0.01)]


# Not in containers: these would need an image with scikit-learn in it. Its README runs it in processes.
@pytest.mark.parametrize("run", ["thread"], indirect=True)
def test_the_best_pair_is_chosen_and_tested(project, example, run):
    example("grid_search")
    found = run()(
        pairs="list(zip(run.layer(Candidate).C, run.layer(Candidate).gamma))",
        accuracies="list(run.layer(Candidate).accuracy)",
        best="[run.layer(Best).C, run.layer(Best).gamma]",
        accuracy="run.layer(Best).accuracy",
        held_out="run.layer(HeldOut).accuracy",
        png="run.layer(Plot).png.hex()",
    )
    assert found["pairs"] == GRID
    assert found["best"] == [1.0, 0.001]
    assert found["accuracy"] == max(found["accuracies"]) == found["accuracies"][GRID.index(found["best"])]
    assert 0.97 < found["held_out"] < 1

    plot = project.python("plot.py")
    assert plot.code == 0, plot.err
    png = (project.path / "grid.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert png.hex() == found["png"]


def test_the_search_does_not_read_what_it_is_tested_on(project, example):
    """Candidate and Best are called with training data alone."""
    example("grid_search")
    project.write(
        "check.py",
        """
        from main import Best, Candidate, Digits, Grid, HeldOut

        whole = Digits()
        whole()
        assert len(whole.train_images) + len(whole.test_images) == 1797
        train = Digits(train_images=whole.train_images, train_labels=whole.train_labels)
        candidate = Candidate()
        candidate(train, Grid(C=1.0, gamma=0.001))
        best = Best()
        best(train, Candidate(C=[1.0], gamma=[0.001], accuracy=[candidate.accuracy]))
        held_out = HeldOut()
        held_out(Digits(test_images=whole.test_images, test_labels=whole.test_labels), best)
        assert held_out.accuracy > 0.97
        """,
    )
    result = project.python("check.py")
    assert result.code == 0, result.err
