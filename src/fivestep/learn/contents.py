"""The lessons in their order."""

from fivestep.learn.descent import DESCENT
from fivestep.learn.five_steps import FIVE_STEPS
from fivestep.learn.from_scratch import FROM_SCRATCH
from fivestep.learn.gotchas import GOTCHAS
from fivestep.learn.gradient_descent import GRADIENT_DESCENT
from fivestep.learn.held_out import HELD_OUT
from fivestep.learn.lesson import Lesson
from fivestep.learn.no_zero_grad import NO_ZERO_GRAD
from fivestep.learn.symptoms import SYMPTOMS

LESSONS: tuple[Lesson, ...] = (
    FIVE_STEPS, GRADIENT_DESCENT, NO_ZERO_GRAD, FROM_SCRATCH, HELD_OUT, GOTCHAS, SYMPTOMS, DESCENT,
)  # fmt: skip
