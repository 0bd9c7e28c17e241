"""The lake writer: messages of a topic into Parquet, each of them once."""
