"""The flow of the pictures in the documentation: splits, one of which needs a second try, and a layer that is skipped."""

from time import sleep

from laminar import Flow, Layer, hooks, layers


class Weather(Flow): ...


@Weather.register
class Stations(Layer):
    def __call__(self) -> None:
        sleep(0.5)
        self.shard(names=["Aachen", "Bergen", "Cork", "Dinant", "Evora", "Fano", "Genoa", "Hamar"])


each_station = layers.ForEach(parameters=[layers.Parameter(layer=Stations, attribute="names")])


@Weather.register(foreach=each_station, retry=layers.Retry(attempts=3))
class Rainfall(Layer):
    def __call__(self, stations: Stations) -> None:
        for year in range(1990, 2000):
            print(f"{stations.names} {year}")
            sleep(0.15)
            if stations.names == "Cork" and self.attempt == 1 and year > 1992:
                raise TimeoutError("station Cork does not answer")
        self.wettest = len(stations.names)


@Weather.register
class Radar(Layer):
    @hooks.entry
    def is_near(self, stations: Stations) -> bool:
        return "Zagreb" in stations.names

    def __call__(self, stations: Stations) -> None: ...


@Weather.register
class Report(Layer):
    def __call__(self, stations: Stations, rainfall: Rainfall) -> None:
        print(f"rain at {len(stations.names)} stations: {rainfall.wettest}")
        sleep(1)


if flow := Weather():
    flow()
