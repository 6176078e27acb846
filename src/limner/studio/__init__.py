"""The studio: many people, one queue that loses nothing, and the machines that serve it."""
