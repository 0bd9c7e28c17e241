"""The market as the gateway knows it, and what its users watch: tables, reads through the cache, REST."""
