"""The data lake from outside: sample data, and checks of what is in it."""
