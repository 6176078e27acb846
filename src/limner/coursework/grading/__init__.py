"""Marks are given by people, who see what was handed in and not by whom; what is kept is every mark, by whom and when."""
