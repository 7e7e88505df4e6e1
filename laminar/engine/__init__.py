"""How a flow is run: the commit protocol, the scheduler, and the ports that back ends fill in."""
