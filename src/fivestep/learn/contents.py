"""The lessons in their order."""

from fivestep.learn.five_steps import FIVE_STEPS
from fivestep.learn.lesson import Lesson

LESSONS: tuple[Lesson, ...] = (FIVE_STEPS,)
