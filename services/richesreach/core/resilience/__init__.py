"""How a service stays useful while what it depends on, or it itself, is in trouble."""
