"""Making images: a project's own from its Dockerfile, and laminar's base image from the laminar that is installed."""
