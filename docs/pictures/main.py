"""The flow of the pictures in the documentation: a diamond whose layers take a while, and one that needs a second try."""

from time import sleep

from laminar import Flow, Layer, layers


class Weather(Flow): ...


@Weather.register
class Stations(Layer):
    def __call__(self) -> None:
        sleep(0.5)
        self.names = ["Aachen", "Bergen", "Cork"]


@Weather.register
class Temperature(Layer):
    def __call__(self, stations: Stations) -> None:
        sleep(3)
        self.warmest = stations.names[0]


@Weather.register(retry=layers.Retry(attempts=3))
class Rainfall(Layer):
    def __call__(self, stations: Stations) -> None:
        if self.attempt == 1:
            raise TimeoutError("station Cork does not answer")
        sleep(2)
        self.wettest = stations.names[1]


@Weather.register
class Wind(Layer):
    def __call__(self, stations: Stations) -> None:
        sleep(0.1)
        self.windiest = stations.names[2]


@Weather.register
class Report(Layer):
    def __call__(self, temperature: Temperature, rainfall: Rainfall, wind: Wind) -> None:
        sleep(1)
        print(f"warm {temperature.warmest}, wet {rainfall.wettest}, windy {wind.windiest}")


if flow := Weather():
    flow()
