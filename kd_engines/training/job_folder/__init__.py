"""The files of a job's folder, which engine, runner and job share."""
