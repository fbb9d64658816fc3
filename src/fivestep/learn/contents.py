"""The lessons in their order."""

from fivestep.learn.descent import DESCENT
from fivestep.learn.five_steps import FIVE_STEPS
from fivestep.learn.gotchas import GOTCHAS
from fivestep.learn.lesson import Lesson
from fivestep.learn.symptoms import SYMPTOMS

LESSONS: tuple[Lesson, ...] = (FIVE_STEPS, GOTCHAS, SYMPTOMS, DESCENT)
