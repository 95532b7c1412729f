"""Where the log and the read tables are kept."""
