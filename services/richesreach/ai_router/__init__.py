"""The AI router: one door to language models, by context, task, cost, latency and reliability."""
