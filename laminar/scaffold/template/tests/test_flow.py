"""A layer is tested as a plain class; the whole flow in this process, in memory."""

from laminar import datastores, executors

from main import Counts, ProjectFlow, Report, Words


def test_counts() -> None:
    counts = Counts()
    counts(Words(words=["b", "a", "b"]))
    assert counts.counts == {"b": 2, "a": 1}


def test_flow() -> None:
    flow = ProjectFlow(datastore=datastores.Memory(), executor=executors.Thread())
    execution = flow(text="so and so")
    assert execution.layer(Words).words == ["so", "and", "so"]
    assert execution.layer(Report).text == "3 words, 2 different: so 2, and 1"
