"""The live card below a cell that sent a job."""
