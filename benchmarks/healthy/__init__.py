"""Measures false alarms on healthy datasets: those inside of installed packages."""
