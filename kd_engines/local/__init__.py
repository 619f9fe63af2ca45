"""`kd up`: the kdclusters of a folder as processes on one machine, in KubeDirector's place."""
