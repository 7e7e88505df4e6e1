"""ProjectFlow counts the words of a text and reports on them.

laminar schedule                            every layer in a container of its own
laminar schedule -p text="as you like it"   with a parameter
laminar schedule --executor process         without Docker
"""

from collections import Counter

from laminar import Flow, Layer, Parameters


class ProjectFlow(Flow): ...


@ProjectFlow.register
class Options(Parameters):
    """What an execution may be given."""

    text: str = "the quick fox and the lazy dog and the cat"


@ProjectFlow.register
class Words(Layer):
    def __call__(self, options: Options) -> None:
        self.words = options.text.lower().split()


@ProjectFlow.register
class Counts(Layer):
    def __call__(self, words: Words) -> None:
        self.counts = dict(Counter(words.words).most_common())


@ProjectFlow.register
class Report(Layer):
    def __call__(self, words: Words, counts: Counts) -> None:
        top = ", ".join(f"{word} {n}" for word, n in list(counts.counts.items())[:3])
        self.text = f"{len(words.words)} words, {len(counts.counts)} different: {top}"
        print(self.text)


if flow := ProjectFlow():
    flow()
