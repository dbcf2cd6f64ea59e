"""Sessions: named groups of trainings, jobs and pictures, followed as one."""
