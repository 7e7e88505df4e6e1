"""Scatter and gather: one split for each text of a directory, and their word counts joined. `-p directory=texts`."""

import os
import re
from collections import Counter
from typing import Any

from laminar import Flow, Layer, Parameters, layers


class WordCountFlow(Flow): ...


@WordCountFlow.register
class Texts(Layer):
    def __call__(self, parameters: Parameters) -> None:
        names = sorted(name for name in os.listdir(parameters.directory) if name.endswith(".txt"))
        self.shard(paths=[os.path.join(parameters.directory, name) for name in names])


@WordCountFlow.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Texts, attribute="paths")]))
class Count(Layer):
    def __call__(self, texts: Texts) -> None:
        with open(texts.paths, encoding="utf-8") as file:  # here, `paths` is the one path of this split
            # Any, because what is one Counter here is a sequence of them, one per split, in Total.
            self.words: Any = Counter(re.findall(r"\w+", file.read().lower()))


@WordCountFlow.register
class Total(Layer):
    def __call__(self, count: Count) -> None:
        self.words: Counter[str] = sum(count.words, Counter())
        print(f"{self.words.total()} words in {count.splits} texts, {len(self.words)} different")
        for word, times in self.words.most_common(3):
            print(f"{times:4} {word}")


if flow := WordCountFlow():
    flow(directory="texts")
