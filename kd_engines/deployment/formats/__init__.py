"""Models of known formats, which need no scoring script."""

# Since 1.29 onnxruntime's packages tell Microsoft the names and sums of the models that they load,
# unless this environment variable is set when it is imported.
NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
