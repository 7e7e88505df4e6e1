"""What is there to see of executions, from their records alone: the commands print it, and a script can ask the same.

Nothing here imports the code of a flow, nor loads a pickle. `runs` lists executions; `layers` and `splits` look into one;
`logs`, `values`, `graphs` and `plans` have what their names say; `document` makes JSON of what they find;
`picture` draws a graph.
"""
