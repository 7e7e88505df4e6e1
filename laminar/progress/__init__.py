"""Progress views: observers that show a run on stderr."""
