"""The application services of the platform: one folder a service, `core` shared by all."""
