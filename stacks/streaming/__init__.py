"""streaming: the region's Kafka cluster, its topics and the schemas of what they hold."""
