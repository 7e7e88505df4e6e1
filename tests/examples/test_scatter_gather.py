"""`examples/scatter_gather/`: one split for each text, and the counts are those of all of them."""

from __future__ import annotations


def test_the_counts_of_all_texts_are_joined(example, run):
    example("scatter_gather")
    found = run("-p", "directory=texts")(
        paths="list(run.layer(Texts).paths)",
        splits="run.layer(Count).splits",
        totals="[words.total() for words in run.layer(Count).words]",
        words="run.layer(Total).words",
    )
    assert found["paths"] == ["texts/harbour.txt", "texts/kitchen.txt", "texts/railway.txt"]
    assert found["splits"] == 3
    assert found["totals"] == [43, 21, 41]
    assert sum(found["words"].values()) == 105
    assert {word: found["words"][word] for word in ("the", "and", "train", "kettle")} == {
        "the": 16,
        "and": 8,
        "train": 3,
        "kettle": 1,
    }


def test_other_files_are_left_alone(project, example, run):
    example("scatter_gather")
    project.write("mixed/one.txt", "Bread and tea and bread.")
    project.write("mixed/notes.md", "not counted")
    found = run("-p", "directory=mixed")(words="run.layer(Total).words")
    assert found["words"] == {"bread": 2, "and": 2, "tea": 1}


def test_an_empty_directory_gives_no_splits_and_no_words(project, example, run):
    example("scatter_gather")
    (project.path / "empty").mkdir()
    found = run("-p", "directory=empty")(
        splits="run.layer(Count).splits",
        finished="run.layer(Count).state.finished",
        words="run.layer(Total).words",
    )
    assert found == {"splits": 0, "finished": True, "words": {}}


def test_a_directory_that_is_not_there_is_an_error(project, example):
    example("scatter_gather")
    result = project.laminar("schedule", "main", "--executor", "process", "-p", "directory=nowhere")
    result.fails(1, "Texts/0 failed", users="No such file or directory: 'nowhere'")
