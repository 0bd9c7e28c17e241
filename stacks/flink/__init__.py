"""flink: the job that makes bars and indicators in AWS, and what starts it."""
