"""Bars and indicators from ticks, as a job of Apache Flink."""
