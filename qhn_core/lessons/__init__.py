"""Lessons: questions that are answered before an experiment shows what happens; files that a teacher can write."""

from __future__ import annotations

from qhn_core.lessons.files import FOLDER, LessonError, library, load_lesson, read_lesson
from qhn_core.lessons.lesson import Lesson, Step

__all__ = ["FOLDER", "Lesson", "LessonError", "Step", "library", "load_lesson", "read_lesson"]
