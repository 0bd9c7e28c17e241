"""The package of the Flink job, as Managed Service for Apache Flink takes it."""
