"""One adapter a vendor, all with the contract of `source`."""
