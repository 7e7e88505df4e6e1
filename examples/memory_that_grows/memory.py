"""Print what each split of the latest execution asked for."""

from main import Unpack, UnpackFlow

execution = UnpackFlow().executions()[-1]
for index in range(execution.layer(Unpack).splits):
    split = execution.layer(Unpack, index=index)
    memory = split.configuration.container.memory
    print(f"{split.unpacked} MiB unpacked in attempt {split.attempt} with {memory} MiB")
