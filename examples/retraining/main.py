"""Conditional retraining: a model is fitted anew where it no longer agrees with the data. `-p data=sales/july.csv`."""

import csv
import json
from statistics import linear_regression, mean
from typing import NamedTuple

from laminar import Flow, Layer, Parameters, hooks


class Line(NamedTuple):
    """A model: ice creams sold, by the temperature of the day."""

    slope: float
    intercept: float

    def error(self, days: list[tuple[float, float]]) -> float:
        """Its mean absolute error."""
        return mean(abs(self.slope * temperature + self.intercept - sold) for temperature, sold in days)


class RetrainingFlow(Flow): ...


@RetrainingFlow.register
class Current(Layer):
    """The model in use, and its error on the data that it was trained with."""

    def __call__(self) -> None:
        with open("model.json") as file:
            saved = json.load(file)
        self.model = Line(saved["slope"], saved["intercept"])
        self.error: float = saved["error"]


@RetrainingFlow.register
class Days(Layer):
    """The new data."""

    def __call__(self, parameters: Parameters) -> None:
        with open(parameters.data, newline="") as file:
            self.days = [(float(row["temperature"]), float(row["sold"])) for row in csv.DictReader(file)]


@RetrainingFlow.register
class Drift(Layer):
    def __call__(self, current: Current, days: Days) -> None:
        self.error = current.model.error(days.days)
        self.drifted = self.error > 2 * current.error


@RetrainingFlow.register
class Retrain(Layer):
    @hooks.entry
    def drifted(self, drift: Drift) -> bool:
        return drift.drifted

    def __call__(self, days: Days) -> None:
        temperatures, sold = zip(*days.days, strict=True)
        self.model = Line(*linear_regression(temperatures, sold))


@RetrainingFlow.register
class Publish(Layer):
    @hooks.entry
    def always(self) -> bool:
        return True  # without an entry hook of its own, it would be skipped with Retrain

    def __call__(self, current: Current, days: Days, drift: Drift, retrain: Retrain) -> None:
        self.model = current.model if retrain.state.skipped else retrain.model
        which = "old" if retrain.state.skipped else "new"
        print(f"error of the model in use: {drift.error:.1f}, at its training: {current.error:.1f}")
        print(f"the {which} model is published, its error is {self.model.error(days.days):.1f}")


if flow := RetrainingFlow():
    flow(data="sales/june.csv")
