"""The flow of the report's pictures: sixty stations side by side; some need a second try, and one fails for good."""

import random
from time import sleep

from laminar import Flow, Layer, Parameters, hooks, layers


class Climate(Flow): ...


@Climate.register
class Stations(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.year = parameters.year
        self.shard(names=[f"station {number}" for number in range(60)])


@Climate.register(
    container=layers.Container(cpu=0.3, memory=64),
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Stations, attribute="names")]),
    retry=layers.Retry(attempts=2),
)
class Readings(Layer):
    def __call__(self, stations: Stations) -> None:
        chance = random.Random(self.index)
        print(f"reading {stations.names}")
        days = bytearray(1 << 20) * chance.randrange(4, 16)
        sleep(chance.lognormvariate(-0.5, 0.6))
        if self.index in (7, 23, 41) and self.attempt == 1:
            raise TimeoutError(f"{stations.names} does not answer")
        if self.index == 57:
            print("day 211: 21.4 18.9 -999 20.2")
            raise ValueError(f"{stations.names}: -999 °C on day 211 is no temperature")
        self.days = len(days) // (1 << 20) * 20
        self.mean = round(chance.uniform(-4, 19), 2)


@Climate.register(container=layers.Container(cpu=0.2, memory=64))
class Terrain(Layer):
    def __call__(self, stations: Stations) -> None:
        sleep(4)
        self.heights = {name: number * 3 for number, name in enumerate(stations.names)}


@Climate.register
class Archive(Layer):
    @hooks.entry
    def only_old_years(self, stations: Stations) -> bool:
        return int(stations.year) < 2000

    def __call__(self, stations: Stations) -> None: ...


@Climate.register
class Map(Layer):
    def __call__(self, readings: Readings, terrain: Terrain) -> None: ...


@Climate.register
class Warmest(Layer):
    def __call__(self, readings: Readings) -> None: ...


@Climate.register
class Publish(Layer):
    def __call__(self, drawn: Map, warmest: Warmest) -> None: ...
