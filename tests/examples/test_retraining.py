"""`examples/retraining/`: a new model where the data has moved, the old one where it has not."""

from __future__ import annotations

import pytest

WANTED = {
    "skipped": "run.layer(Retrain).state.skipped",
    "drifted": "run.layer(Drift).drifted",
    "drift": "run.layer(Drift).error",
    "model": "run.layer(Publish).model",
    "current": "run.layer(Current).model",
    "error": "run.layer(Publish).model.error(run.layer(Days).days)",
    "days": "len(run.layer(Days).days)",
    "same_type": "type(run.layer(Publish).model) is Line",
}


def test_without_drift_retraining_is_skipped_and_the_old_model_stays(example, run):
    example("retraining")
    found = run("-p", "data=sales/june.csv")(**WANTED)
    assert (found["drifted"], found["skipped"], found["days"], found["same_type"]) == (False, True, 12, True)
    assert found["model"] == found["current"] == [6.0, -40.0]
    assert found["error"] == found["drift"] == pytest.approx(7.58, abs=0.01)


def test_with_drift_a_new_model_is_published(example, run):
    example("retraining")
    read = run("-p", "data=sales/july.csv")
    found = read(**WANTED, retrained="run.layer(Retrain).model")
    assert (found["drifted"], found["skipped"], found["days"], found["same_type"]) == (True, False, 12, True)
    assert found["current"] == [6.0, -40.0]
    assert found["model"] == found["retrained"] != found["current"]
    assert found["error"] == pytest.approx(4.2, abs=0.1)
    assert found["error"] < found["drift"] / 10
