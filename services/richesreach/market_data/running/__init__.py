"""One task of a region runs its sources; the others stand by."""
