"""The gateway: the platform's REST façade, and what no other service's path prefix owns."""
