"""The studio as browsers and programs see it: requests become calls of the store, and nothing is remembered."""
