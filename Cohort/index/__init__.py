"""What is known of every scan of a cohort, in one SQLite file."""
