"""The people of a course: how they come in, what they may, what is theirs, and how they leave."""
