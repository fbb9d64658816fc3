"""One iteration in numbers: everything that a rule may know, and nothing that holds a tensor.

What is measured, when, and what it costs (two shared cores, torch 2.13; the benchmark
``benchmarks/listening.py`` measures it again):

===================  ==========================================================  ================
when                 what                                                        cost
===================  ==========================================================  ================
every iteration      the events in order, each with the user's line: batch,      1 to 2 us an
                     forward, loss, zero_grad, backward, clip, update, schedule  event
every iteration      mode and grad mode of the outermost model; value of the     0.3 us each
                     loss (read in bulk where reading is a sync)
every iteration      per optimizer: rates, backwards since its last update, was  0.5 us
                     one probe gradient empty when backward began, when it was
                     cleared
detailed iterations  shapes, dtypes, ranges, sampled statistics of inputs,       20 to 60 us a
                     outputs, predictions, targets                               tensor
detailed iterations  every module that ran: kind, mode, range of its output      15 us a module
detailed iterations  the graph behind the loss (2,000 nodes at most), what it    1 us a node
                     reaches
detailed iterations  norms of weights, gradients, updates; direction against     1 us a tensor
                     the last detailed update                                    + 0.1 ms
once                 parameters, groups, loaders, schedules, initial weights     1 us a tensor
===================  ==========================================================  ================

Detailed are the first 32 iterations, then two in a row out of every 128 (of every
1,024 from the 1,024th on), then 4 after every change
of the sequence of events (32 changes at most). The figures are kept for the iterations that differ
from the one before them; the others are counted in ``Vitals.repeats`` of the iteration that they
repeat, so a record stays small however long the run.

What a rule reads is in three files: ``facts`` (a tensor, a graph, a module in numbers), ``events``
(what can happen in an iteration), ``record`` (the iterations of one run, and what holds for all of
it). ``recorder`` fills them, with the parts that ``recording`` holds.
"""

from __future__ import annotations

from fivestep.vitals.events import (
    Backward,
    Batch,
    Clear,
    Clip,
    Compare,
    Derivative,
    Drop,
    EpochEnd,
    Event,
    Forward,
    Loss,
    Norm,
    Pick,
    Read,
    Scale,
    Schedule,
    State,
    Stray,
    Update,
)
from fivestep.vitals.facts import (
    Graph,
    Influence,
    ModuleRun,
    Node,
    Numbers,
    Site,
    TensorFacts,
)
from fivestep.vitals.record import (
    LoaderFacts,
    ModelFacts,
    OptimizerFacts,
    ParameterFacts,
    PassFacts,
    Record,
    SchedulerFacts,
    Series,
    StateFacts,
    Vitals,
)

__all__ = [
    "Backward",
    "Batch",
    "Clear",
    "Clip",
    "Compare",
    "Derivative",
    "Drop",
    "EpochEnd",
    "Event",
    "Forward",
    "Graph",
    "Influence",
    "LoaderFacts",
    "Loss",
    "ModelFacts",
    "ModuleRun",
    "Node",
    "Norm",
    "Numbers",
    "OptimizerFacts",
    "ParameterFacts",
    "PassFacts",
    "Pick",
    "Read",
    "Record",
    "Scale",
    "Schedule",
    "SchedulerFacts",
    "Series",
    "Site",
    "State",
    "StateFacts",
    "Stray",
    "TensorFacts",
    "Update",
    "Vitals",
]
