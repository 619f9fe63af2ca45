"""The servers: training engine, deployment engine, and `kd up` that starts them on one machine."""
