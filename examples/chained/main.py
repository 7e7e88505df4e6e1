"""Two flows, one after the other: what one finds in a text, the other reports on.

laminar schedule main:CleanFlow -p text="..."    the first alone
python main.py                                   both
"""

from collections import Counter

from laminar import Execution, Flow, Layer, Parameters


class CleanFlow(Flow): ...


class ReportFlow(Flow): ...


@CleanFlow.register
class Text(Parameters):
    text: str = "The cat saw the dog, and the dog saw the cat. The bird saw nothing."


@CleanFlow.register
class Clean(Layer):
    def __call__(self, parameters: Text) -> None:
        self.words = [word.strip(".,").lower() for word in parameters.text.split()]


@ReportFlow.register
class Given(Parameters):
    words: list[str]
    top: int = 3


@ReportFlow.register
class Report(Layer):
    def __call__(self, given: Given) -> None:
        common = Counter(given.words).most_common(given.top)
        self.text = ", ".join(f"{word} {count}" for word, count in common)


def link(cleaned: Execution) -> Given:
    """What the second flow is given: what the first has made."""
    return Given(words=cleaned.layer(Clean).words)


if flow := CleanFlow():
    reported = flow().next(flow=ReportFlow(), linker=link)
    print(reported.layer(Report).text)
