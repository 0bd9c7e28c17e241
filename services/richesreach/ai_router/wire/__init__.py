"""The shapes of OpenAI's API, read as far as routing needs and passed on as they came."""
