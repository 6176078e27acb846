"""Marks are given by people, who see what was handed in and not by whom; every mark is kept, with who and when."""
