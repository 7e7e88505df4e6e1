"""Write the plot of the latest execution to grid.png."""

from main import GridSearchFlow, Plot

execution = GridSearchFlow().executions()[-1]
with open("grid.png", "wb") as file:
    file.write(execution.layer(Plot).png)
