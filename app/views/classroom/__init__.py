"""Class: what the teacher sees and steers."""
