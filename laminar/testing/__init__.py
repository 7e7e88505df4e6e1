"""Contract suites for third-party datastores, executors and codecs, and what laminar's own tests share."""
