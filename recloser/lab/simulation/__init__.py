"""A fleet in virtual time: the library, the functions' logic and CloudWatch's rules under a seeded clock."""

from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.simulation import Run, Simulation, simulate

__all__ = ["Run", "Scenario", "Simulation", "simulate"]
