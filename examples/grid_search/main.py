"""A grid search: one split for each pair of hyper-parameters, and the best pair tested on data that the search never saw."""

import io

from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC

from laminar import Flow, Layer, layers


class GridSearchFlow(Flow): ...


@GridSearchFlow.register
class Digits(Layer):
    """Images of handwritten digits, a quarter of them held out."""

    def __call__(self) -> None:
        images, labels = load_digits(return_X_y=True)
        self.train_images, self.test_images, self.train_labels, self.test_labels = train_test_split(
            images, labels, test_size=0.25, stratify=labels, random_state=0
        )


@GridSearchFlow.register
class Grid(Layer):
    def __call__(self) -> None:
        self.shard(C=[0.1, 1.0], gamma=[0.0001, 0.001, 0.01])


@GridSearchFlow.register(
    foreach=layers.ForEach(
        parameters=[
            layers.Parameter(layer=Grid, attribute="C"),
            layers.Parameter(layer=Grid, attribute="gamma"),
        ]
    )
)
class Candidate(Layer):
    """One pair. It reads the training data only."""

    def __call__(self, digits: Digits, grid: Grid) -> None:
        self.C = grid.C
        self.gamma = grid.gamma
        model = SVC(C=self.C, gamma=self.gamma)
        self.accuracy = cross_val_score(model, digits.train_images, digits.train_labels, cv=3).mean()


@GridSearchFlow.register
class Best(Layer):
    """The best pair, trained on all training data."""

    def __call__(self, digits: Digits, candidate: Candidate) -> None:
        self.accuracy, self.C, self.gamma = max(zip(candidate.accuracy, candidate.C, candidate.gamma, strict=True))
        self.model = SVC(C=self.C, gamma=self.gamma).fit(digits.train_images, digits.train_labels)


@GridSearchFlow.register
class HeldOut(Layer):
    """The only layer that reads the test data."""

    def __call__(self, digits: Digits, best: Best) -> None:
        self.accuracy = best.model.score(digits.test_images, digits.test_labels)
        print(f"C={best.C} gamma={best.gamma}: {best.accuracy:.3f} in the search, {self.accuracy:.3f} held out")


@GridSearchFlow.register
class Plot(Layer):
    def __call__(self, grid: Grid, candidate: Candidate) -> None:
        from matplotlib.figure import Figure  # here, because no other layer needs it

        accuracies = list(candidate.accuracy)
        columns = len(grid.gamma)
        rows = [accuracies[start : start + columns] for start in range(0, len(accuracies), columns)]

        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel("gamma")
        axes.set_xticks(range(columns), list(grid.gamma))
        axes.set_ylabel("C")
        axes.set_yticks(range(len(grid.C)), list(grid.C))
        for y, row in enumerate(rows):
            for x, accuracy in enumerate(row):
                axes.text(x, y, f"{accuracy:.3f}", ha="center", va="center", backgroundcolor="white")
        figure.colorbar(axes.imshow(rows), label="accuracy, cross-validated")

        file = io.BytesIO()
        figure.savefig(file, format="png")
        self.png = file.getvalue()


if flow := GridSearchFlow():
    flow()
