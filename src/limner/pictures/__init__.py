"""What the small model saw: openly licensed drawings with words, and scenes composed of them."""
