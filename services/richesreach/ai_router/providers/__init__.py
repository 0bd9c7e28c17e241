"""Who answers: one module a kind of provider, all of them behind `provider.Provider`."""
