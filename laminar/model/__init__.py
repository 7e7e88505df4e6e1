"""Definitions: what a flow is. Pure standard library, no input or output."""
