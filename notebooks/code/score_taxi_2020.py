"""The same prediction, written as scoring scripts were in 2020: one process for each request.

It reads the ride from the command line, finds the model where the project repository is mounted,
and prints the prediction. It is kept as it was to show that such scripts run unmodified.
"""

import json
import sys

import numpy as np
import xgboost as xgb


def project_repo(path):
    return "/bd-fs-mnt/project_repo" + "/" + path


model = xgb.Booster()
model.load_model(project_repo("models/taxi/1/model.ubj"))

ride = json.loads(sys.argv[1])
columns = [
    "work",
    "startstationlatitude",
    "startstationlongitude",
    "endstationlatitude",
    "endstationlongitude",
    "trip_distance",
    "weekday",
    "hour",
]
row = np.array([[float(ride[column]) for column in columns]], dtype=np.float32)
prediction = model.predict(xgb.DMatrix(row, feature_names=columns))

print("The ride duration prediction is " + str(prediction[0]) + " seconds.")
